package dev.headwater.adapt;

import java.util.Arrays;
import java.util.List;

/**
 * How much a record may pull at a head of numbers: less, the further its features are from all
 * others (Mallows's weights; Hampel et al. 1986). A loss that grows as the error does bounds what
 * one record says; where a linear head is far out, its features bound nothing.
 */
final class Leverage {
  /** Of the middling squared distance: three times as far as most are. */
  private static final double FAR = 9;

  private Leverage() {}

  /**
   * In (0, 1], by record; a feature that hardly any record has makes those that do count little.
   */
  static double[] weights(List<float[]> features) {
    double[] squares = squaredDistances(features);
    double[] sorted = squares.clone();
    Arrays.sort(sorted);
    double limit = sorted.length == 0 ? 0 : FAR * sorted[sorted.length / 2];
    return Arrays.stream(squares)
        .map(square -> limit > 0 && square > limit ? limit / square : 1)
        .toArray();
  }

  /** From the mean, each feature in units of its own deviation. */
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
        double off = features.get(i)[d] - mean[d];
        distances[i] += variance > 1e-12 ? off * off / variance : 0;
      }
    }
    return distances;
  }
}
