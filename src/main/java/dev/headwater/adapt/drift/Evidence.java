package dev.headwater.adapt.drift;

import java.util.Arrays;

/**
 * A Shiryaev-Roberts statistic for a change towards small p-values, from bets on conformal p-values
 * (Volkhonskiy et al. 2017).
 *
 * <p>The bet e · p^(e-1) has mean 1 where p is uniform. So the expected statistic grows by at most
 * 1 per step before a change. The mean time until it first reaches a level is therefore at least
 * that level, at any number of looks. Not thread-safe.
 */
final class Evidence {
  /** Bet exponents e: 0.6 gains most from many slightly small p-values, 0.3 from few tiny ones. */
  private static final double[] EXPONENTS = {0.6, 0.3};

  /** Lower limit of a p-value, to bound a single bet; it makes the statistic conservative. */
  private static final double MIN_P = 1e-9;

  private final double[] sums = new double[EXPONENTS.length];

  void add(double pValue) {
    double p = Math.max(pValue, MIN_P);
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

  /** Returns a score from 0 (no evidence) to 1 (the level reaches {@code alarm}). */
  static double score(double level, double alarm) {
    return Math.min(1, Math.log1p(level) / Math.log1p(alarm));
  }
}
