package dev.headwater.adapt.drift;

import java.util.SplittableRandom;

/**
 * Whether the last few of some points come from where the others do: energy distance (Székely,
 * Rizzo 2004) between the two groups, against that of random groups of the same sizes. Exact: with
 * exchangeable points it rejects at most at its level. Sampling stops once too many random groups
 * are as far apart (Besag, Clifford 1991), which nearly always is at once.
 */
final class PermutationTest {
  /** Random groups as far apart that end the test: more of them cost time and steady the score. */
  private static final int ENOUGH = 2;

  private final double level;
  private final int limit;
  private final SplittableRandom random;

  /**
   * @param level share of tests that may reject where there is no difference
   */
  PermutationTest(double level, SplittableRandom random) {
    this.level = level;
    this.limit = (int) Math.ceil(ENOUGH / level) - 1;
    this.random = random;
  }

  /**
   * From 0 to 1, where the test rejects; logarithmic in the p-value between.
   *
   * @param distances between points, symmetric
   * @param n points there are, from the first on
   * @param last size of the group at their end
   * @param most what a distance counts at most: a single point far out would make every group it is
   *     in the furthest, and hide all that comes after
   */
  double score(double[][] distances, int n, int last, double most) {
    double[] rows = new double[n];
    double total = 0;
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        rows[i] += Math.min(most, distances[i][j]);
      }
      total += rows[i];
      order[i] = n - 1 - i;
    }
    double observed = energy(distances, most, rows, total, order, last);
    int asFar = 0;
    int drawn = 0;
    while (drawn < limit && asFar < ENOUGH) {
      for (int i = 0; i < last; i++) {
        int j = i + random.nextInt(n - i);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
      }
      drawn++;
      // sums in another order differ in their last digits: what is equal must not count as less
      asFar += energy(distances, most, rows, total, order, last) >= observed * (1 - 1e-9) ? 1 : 0;
    }
    return asFar < ENOUGH ? 1 : Math.min(1, Math.log((double) drawn / asFar) / -Math.log(level));
  }

  /** Between the first {@code last} points of the order and the rest. */
  private static double energy(
      double[][] distances, double most, double[] rows, double total, int[] order, int last) {
    double within = 0;
    double all = 0;
    for (int i = 0; i < last; i++) {
      double[] row = distances[order[i]];
      all += rows[order[i]];
      for (int j = 0; j < i; j++) {
        within += 2 * Math.min(most, row[order[j]]);
      }
    }
    double rest = order.length - last;
    double across = all - within;
    double others = total - 2 * all + within;
    return 2 * across / (last * rest) - within / ((double) last * last) - others / (rest * rest);
  }
}
