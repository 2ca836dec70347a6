package dev.headwater.metrics;

/** Percentiles by nearest rank, without interpolation. */
public final class Percentile {
  private Percentile() {}

  /**
   * Returns the smallest value that is greater than or equal to this fraction of the values.
   *
   * @param sorted ascending, not empty
   * @param fraction in [0, 1]
   */
  public static double of(double[] sorted, double fraction) {
    return sorted[Math.max(0, (int) Math.ceil(fraction * sorted.length) - 1)];
  }
}
