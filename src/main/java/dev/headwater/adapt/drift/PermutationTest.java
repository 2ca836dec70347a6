package dev.headwater.adapt.drift;

import java.util.SplittableRandom;

/**
 * A two-sample permutation test of the last points against the others, with the energy distance
 * (Székely, Rizzo 2004). It is exact: for exchangeable points, the rejection rate is at most the
 * level. Sampling stops early once enough permutations reach the observed distance (Besag, Clifford
 * 1991); almost always that takes only a few.
 */
final class PermutationTest {
  /**
   * Number of permutations reaching the observed distance that stops the test. A higher number
   * costs time, but reduces the variance of the score.
   */
  private static final int MAX_EXCEEDANCES = 2;

  private final double level;
  private final int limit;
  private final SplittableRandom random;

  /**
   * @param level maximum false positive rate
   */
  PermutationTest(double level, SplittableRandom random) {
    this.level = level;
    this.limit = (int) Math.ceil(MAX_EXCEEDANCES / level) - 1;
    this.random = random;
  }

  /**
   * Returns a score from 0 to 1, logarithmic in the p-value; 1 rejects the null hypothesis.
   *
   * @param distances symmetric matrix of pairwise distances
   * @param n number of points
   * @param last number of points at the end that form the tested group
   * @param maxDistance cap on distances: otherwise one outlier would dominate the distance of every
   *     group it is in, and mask later changes
   */
  double score(double[][] distances, int n, int last, double maxDistance) {
    double[] rows = new double[n];
    double total = 0;
    int[] order = new int[n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        rows[i] += Math.min(maxDistance, distances[i][j]);
      }
      total += rows[i];
      order[i] = n - 1 - i;
    }
    double observed = energy(distances, maxDistance, rows, total, order, last);
    int exceedances = 0;
    int permutations = 0;
    while (permutations < limit && exceedances < MAX_EXCEEDANCES) {
      for (int i = 0; i < last; i++) {
        int j = i + random.nextInt(n - i);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
      }
      permutations++;
      // summation order changes the last digits: equal distances must count as exceedances
      double permuted = energy(distances, maxDistance, rows, total, order, last);
      exceedances += permuted >= observed * (1 - 1e-9) ? 1 : 0;
    }
    return exceedances < MAX_EXCEEDANCES
        ? 1
        : Math.min(1, Math.log((double) permutations / exceedances) / -Math.log(level));
  }

  /**
   * Returns the energy distance between the first {@code last} points of the order and the rest.
   */
  private static double energy(
      double[][] distances,
      double maxDistance,
      double[] rows,
      double total,
      int[] order,
      int last) {
    double within = 0;
    double all = 0;
    for (int i = 0; i < last; i++) {
      double[] row = distances[order[i]];
      all += rows[order[i]];
      for (int j = 0; j < i; j++) {
        within += 2 * Math.min(maxDistance, row[order[j]]);
      }
    }
    double rest = order.length - last;
    double across = all - within;
    double others = total - 2 * all + within;
    return 2 * across / (last * rest) - within / ((double) last * last) - others / (rest * rest);
  }
}
