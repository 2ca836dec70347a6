package dev.headwater.adapt.drift;

import java.util.Arrays;

/**
 * Evidence that p-values have become small at some time: Shiryaev-Roberts statistics of bets on
 * them, as Volkhonskiy et al. (2017) bet on conformal p-values. A bet e · p^(e-1) is worth 1 on
 * average where p is uniform, so the evidence grows by 1 a step at most until there is a change:
 * the mean time until it first reaches a level is at least that level, however often it is looked
 * at. Not thread-safe.
 */
final class Evidence {
  /**
   * The one gains most from many p-values that are slightly small, the other from few tiny ones.
   */
  private static final double[] EXPONENTS = {0.6, 0.3};

  /** Bounds a single bet, to the disadvantage of whoever bets. */
  private static final double LEAST = 1e-9;

  private final double[] sums = new double[EXPONENTS.length];

  void add(double pValue) {
    double p = Math.max(pValue, LEAST);
    for (int i = 0; i < sums.length; i++) {
      sums[i] = (sums[i] + 1) * EXPONENTS[i] * Math.pow(p, EXPONENTS[i] - 1);
    }
  }

  double level() {
    double sum = 0;
    for (double s : sums) {
      sum += s;
    }
    return sum / sums.length;
  }

  void clear() {
    Arrays.fill(sums, 0);
  }

  /** 0 where there is no evidence, 1 where it reaches {@code alarm}. */
  static double score(double level, double alarm) {
    return Math.min(1, Math.log1p(level) / Math.log1p(alarm));
  }
}
