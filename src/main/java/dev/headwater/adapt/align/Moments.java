package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.LinearHead;
import java.util.List;

/**
 * The mean and standard deviation of each feature. The arrays are not copied; the caller must not
 * modify them afterwards.
 *
 * @param mean [dim]
 * @param spread [dim] standard deviations
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record Moments(float[] mean, float[] spread) {
  /** Minimum deviation to rescale a feature, as a fraction of the mean deviation. */
  private static final double MIN_DEVIATION_FRACTION = 0.01;

  /** Maximum rescaling factor: a feature may be near-constant in one window by chance. */
  private static final double MAX_FACTOR = 10;

  /** Computes the moments of at least one sample. */
  static Moments of(List<float[]> samples) {
    int dim = samples.get(0).length;
    float[] mean = new float[dim];
    float[] spread = new float[dim];
    for (int d = 0; d < dim; d++) {
      double sum = 0;
      for (float[] sample : samples) {
        sum += sample[d];
      }
      double average = sum / samples.size();
      double squares = 0;
      for (float[] sample : samples) {
        squares += (sample[d] - average) * (sample[d] - average);
      }
      mean[d] = (float) average;
      spread[d] = (float) Math.sqrt(squares / samples.size());
    }
    return new Moments(mean, spread);
  }

  /**
   * Folds a mean shift into a head trained on features with these moments: the result applies to
   * features with the other moments.
   */
  LinearHead centred(LinearHead head, Moments other) {
    return fold(head, other, false);
  }

  /** Also rescales to these deviations (AdaBN: Li et al. 2016; the diagonal of CORAL). */
  LinearHead rescaled(LinearHead head, Moments other) {
    return fold(head, other, true);
  }

  private LinearHead fold(LinearHead head, Moments other, boolean rescale) {
    int dim = head.dim();
    double minDeviation = minDeviation();
    double[] factors = new double[dim];
    for (int d = 0; d < dim; d++) {
      double factor = rescale && other.spread[d] > minDeviation ? spread[d] / other.spread[d] : 1;
      factors[d] = Math.min(MAX_FACTOR, Math.max(1 / MAX_FACTOR, factor));
    }
    float[] weight = head.weight().clone();
    float[] bias = head.bias().clone();
    for (int c = 0; c < head.classes(); c++) {
      double shift = bias[c];
      for (int d = 0; d < dim; d++) {
        shift += weight[c * dim + d] * (mean[d] - factors[d] * other.mean[d]);
        weight[c * dim + d] *= (float) factors[d];
      }
      bias[c] = (float) shift;
    }
    return new LinearHead(head.classes(), dim, weight, bias);
  }

  private double minDeviation() {
    double sum = 0;
    for (float each : spread) {
      sum += each;
    }
    return MIN_DEVIATION_FRACTION * sum / spread.length;
  }
}
