package dev.headwater.adapt;

import java.util.Arrays;
import java.util.List;

/**
 * Sample weights for regression heads that reduce the influence of high-leverage samples (Mallows
 * weights; Hampel et al. 1986). A linear loss bounds the influence of a residual, but not that of
 * features far from all others.
 */
final class Leverage {
  /** Limit as a multiple of the median squared distance: three times the median distance. */
  private static final double LIMIT_FACTOR = 9;

  private Leverage() {}

  /**
   * Returns a weight in (0, 1] per sample. Samples with a feature that hardly any other has weigh
   * little.
   */
  static double[] weights(List<float[]> features) {
    double[] squares = squaredDistances(features);
    double[] sorted = squares.clone();
    Arrays.sort(sorted);
    double limit = sorted.length == 0 ? 0 : LIMIT_FACTOR * sorted[sorted.length / 2];
    return Arrays.stream(squares)
        .map(square -> limit > 0 && square > limit ? limit / square : 1)
        .toArray();
  }

  /** Returns squared distances from the mean, each feature in units of its standard deviation. */
  private static double[] squaredDistances(List<float[]> features) {
    int dim = features.isEmpty() ? 0 : features.get(0).length;
    double[] mean = new double[dim];
    double[] square = new double[dim];
    for (float[] row : features) {
      for (int d = 0; d < dim; d++) {
        mean[d] += row[d] / (double) features.size();
        square[d] += row[d] * (double) row[d] / features.size();
      }
    }
    double[] distances = new double[features.size()];
    for (int i = 0; i < distances.length; i++) {
      for (int d = 0; d < dim; d++) {
        double variance = square[d] - mean[d] * mean[d];
        double offset = features.get(i)[d] - mean[d];
        distances[i] += variance > 1e-12 ? offset * offset / variance : 0;
      }
    }
    return distances;
  }
}
