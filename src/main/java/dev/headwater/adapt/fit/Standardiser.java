package dev.headwater.adapt.fit;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Feature standardisation: centres each feature and scales it so that a vector has a squared norm
 * near 1. The L2-SP strength then has the same effect on every backbone. The transformation is
 * affine, so it folds into the head exactly.
 */
final class Standardiser {
  /**
   * Minimum deviation of a feature, as a fraction of the root mean square deviation of all
   * features. It prevents noise in a near-constant feature from being amplified.
   */
  private static final double MIN_DEVIATION_FRACTION = 0.1;

  /** Outlier limit, as a multiple of the median squared norm; outliers do not affect the scale. */
  private static final double OUTLIER_FACTOR = 1e6;

  /** Maximum norm of a standardised vector; most norms are near 1. */
  private static final double MAX_NORM = 1000;

  private final float[] mean;
  private final float[] scale;

  /**
   * Computes mean and scale from the samples of positive weight that are not outliers, or from all
   * samples if no weight is positive. Samples of weight 0 have no influence, so that data excluded
   * from a fold does not leak into it.
   *
   * @param centre whether to subtract the mean; false if the head has no bias to absorb the shift
   */
  Standardiser(Batch batch, boolean centre) {
    List<float[]> features = withoutOutliers(withPositiveWeight(batch));
    int dim = features.get(0).length;
    double[] sum = new double[dim];
    double[] squares = new double[dim];
    for (float[] row : features) {
      for (int d = 0; d < dim; d++) {
        sum[d] += row[d];
      }
    }
    for (float[] row : features) {
      for (int d = 0; d < dim; d++) {
        double centred = row[d] - sum[d] / features.size();
        squares[d] += centred * centred;
      }
    }
    mean = new float[dim];
    scale = new float[dim];
    double total = 0;
    for (double squaredNorm : squares) {
      total += squaredNorm;
    }
    double minDeviation = MIN_DEVIATION_FRACTION * Math.sqrt(total / features.size() / dim) + 1e-6;
    for (int d = 0; d < dim; d++) {
      mean[d] = centre ? (float) (sum[d] / features.size()) : 0;
      double deviation = Math.sqrt(squares[d] / features.size());
      scale[d] = (float) (Math.max(deviation, minDeviation) * Math.sqrt(dim));
    }
  }

  private static List<float[]> withPositiveWeight(Batch batch) {
    List<float[]> features =
        IntStream.range(0, batch.size())
            .filter(i -> batch.weights()[i] > 0)
            .mapToObj(batch.features()::get)
            .toList();
    return features.isEmpty() ? batch.features() : features;
  }

  private static List<float[]> withoutOutliers(List<float[]> features) {
    double[] squares = features.stream().mapToDouble(Standardiser::squaredNorm).toArray();
    double[] sorted = squares.clone();
    Arrays.sort(sorted);
    double limit = OUTLIER_FACTOR * sorted[sorted.length / 2];
    return limit == 0 || sorted[sorted.length - 1] <= limit
        ? features
        : IntStream.range(0, squares.length)
            .filter(i -> squares[i] <= limit)
            .mapToObj(features::get)
            .toList();
  }

  private static double squaredNorm(float[] row) {
    double squaredNorm = 0;
    for (float value : row) {
      squaredNorm += (double) value * value;
    }
    return squaredNorm;
  }

  /** Standardises a vector and clips its norm, so that an outlier cannot dominate the loss. */
  float[] features(float[] row) {
    float[] standard = new float[row.length];
    for (int d = 0; d < row.length; d++) {
      standard[d] = (row[d] - mean[d]) / scale[d];
    }
    double squaredNorm = squaredNorm(standard);
    if (squaredNorm > MAX_NORM * MAX_NORM) {
      float factor = (float) (MAX_NORM / Math.sqrt(squaredNorm));
      for (int d = 0; d < row.length; d++) {
        standard[d] *= factor;
      }
    }
    return standard;
  }

  /** Returns the head for standardised features that equals {@code head} on raw features. */
  LinearHead inward(LinearHead head) {
    float[] weight = new float[head.weight().length];
    float[] bias = new float[head.classes()];
    for (int c = 0; c < head.classes(); c++) {
      double shift = head.bias()[c];
      for (int d = 0; d < head.dim(); d++) {
        int i = c * head.dim() + d;
        weight[i] = head.weight()[i] * scale[d];
        shift += (double) head.weight()[i] * mean[d];
      }
      bias[c] = (float) shift;
    }
    return new LinearHead(head.classes(), head.dim(), weight, bias);
  }

  /** Returns the head for raw features; the inverse of {@link #inward}. */
  LinearHead outward(LinearHead head) {
    float[] weight = new float[head.weight().length];
    float[] bias = new float[head.classes()];
    for (int c = 0; c < head.classes(); c++) {
      double shift = head.bias()[c];
      for (int d = 0; d < head.dim(); d++) {
        int i = c * head.dim() + d;
        weight[i] = head.weight()[i] / scale[d];
        shift -= (double) weight[i] * mean[d];
      }
      bias[c] = (float) shift;
    }
    return new LinearHead(head.classes(), head.dim(), weight, bias);
  }
}
