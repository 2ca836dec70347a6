package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.LinearHead;
import java.util.List;

/**
 * Mean and standard deviation of each feature. The arrays are not copied: whoever makes one gives
 * them away.
 *
 * @param mean [dim]
 * @param spread [dim]
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record Moments(float[] mean, float[] spread) {
  /** Of the middling spread: features that vary less say nothing about how much they vary. */
  private static final double FLOOR = 0.01;

  /** What varies so much less in a window may be silent in it by chance. */
  private static final double MOST = 10;

  /** Of at least one. */
  static Moments of(List<float[]> samples) {
    int dim = samples.get(0).length;
    float[] mean = new float[dim];
    float[] spread = new float[dim];
    for (int d = 0; d < dim; d++) {
      double sum = 0;
      for (float[] sample : samples) {
        sum += sample[d];
      }
      double middle = sum / samples.size();
      double squares = 0;
      for (float[] sample : samples) {
        squares += (sample[d] - middle) * (sample[d] - middle);
      }
      mean[d] = (float) middle;
      spread[d] = (float) Math.sqrt(squares / samples.size());
    }
    return new Moments(mean, spread);
  }

  /**
   * What a head made for features of these moments says of those of others, moved to where these
   * are.
   */
  LinearHead centred(LinearHead head, Moments other) {
    return folded(head, other, false);
  }

  /** The same, and spread as these are (AdaBN: Li et al. 2016; the diagonal of CORAL). */
  LinearHead rescaled(LinearHead head, Moments other) {
    return folded(head, other, true);
  }

  private LinearHead folded(LinearHead head, Moments other, boolean rescale) {
    int dim = head.dim();
    double floor = floor();
    double[] factors = new double[dim];
    for (int d = 0; d < dim; d++) {
      double factor = rescale && other.spread[d] > floor ? spread[d] / other.spread[d] : 1;
      factors[d] = Math.min(MOST, Math.max(1 / MOST, factor));
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

  private double floor() {
    double sum = 0;
    for (float each : spread) {
      sum += each;
    }
    return FLOOR * sum / spread.length;
  }
}
