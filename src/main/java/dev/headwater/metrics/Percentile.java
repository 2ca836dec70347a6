package dev.headwater.metrics;

/** Percentiles by nearest rank: no value is made up between two that were seen. */
public final class Percentile {
  private Percentile() {}

  /**
   * The smallest value that this share of them does not exceed.
   *
   * @param sorted ascending, one at least
   * @param share in [0, 1]
   */
  public static double of(double[] sorted, double share) {
    return sorted[Math.max(0, (int) Math.ceil(share * sorted.length) - 1)];
  }
}
