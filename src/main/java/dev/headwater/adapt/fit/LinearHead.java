package dev.headwater.adapt.fit;

import java.util.Arrays;
import java.util.List;

/**
 * A linear head: logits = weight · features + bias. The arrays are not copied; the caller must not
 * modify them afterwards.
 *
 * @param weight [classes, dim], row-major
 * @param bias [classes]
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record LinearHead(int classes, int dim, float[] weight, float[] bias) {

  public LinearHead {
    if (weight.length != classes * dim || bias.length != classes) {
      throw new IllegalArgumentException(
          "a head of %d classes and %d features cannot have %d weights and %d biases"
              .formatted(classes, dim, weight.length, bias.length));
    }
  }

  /** Returns a head without classes, the start of a cold start. */
  public static LinearHead empty(int dim) {
    return new LinearHead(0, dim, new float[0], new float[0]);
  }

  /** Returns the ensemble mean: its logits are the mean of theirs. All heads have one shape. */
  public static LinearHead mean(List<LinearHead> heads) {
    LinearHead first = heads.get(0);
    LinearHead mean =
        new LinearHead(
            first.classes, first.dim, new float[first.weight.length], new float[first.classes]);
    for (LinearHead head : heads) {
      for (int i = 0; i < head.weight.length; i++) {
        mean.weight[i] += head.weight[i] / heads.size();
      }
      for (int c = 0; c < head.classes; c++) {
        mean.bias[c] += head.bias[c] / heads.size();
      }
    }
    return mean;
  }

  public float[] logits(float[] features) {
    float[] logits = new float[classes];
    for (int c = 0; c < classes; c++) {
      logits[c] = (float) (bias[c] + product(c * dim, features));
    }
    return logits;
  }

  /** Uses four independent sums, which the CPU computes in parallel. */
  private double product(int row, float[] features) {
    double first = 0;
    double second = 0;
    double third = 0;
    double fourth = 0;
    int d = 0;
    for (; d + 4 <= dim; d += 4) {
      first += (double) weight[row + d] * features[d];
      second += (double) weight[row + d + 1] * features[d + 1];
      third += (double) weight[row + d + 2] * features[d + 2];
      fourth += (double) weight[row + d + 3] * features[d + 3];
    }
    for (; d < dim; d++) {
      first += (double) weight[row + d] * features[d];
    }
    return first + second + third + fourth;
  }

  /** Returns the index of the largest logit. */
  public int best(float[] features) {
    float[] logits = logits(features);
    int best = 0;
    for (int c = 1; c < classes; c++) {
      best = logits[c] > logits[best] ? c : best;
    }
    return best;
  }

  /** Returns this head at another softmax temperature; the predicted classes are the same. */
  public LinearHead cooled(double temperature) {
    return scaled(1 / temperature, 0);
  }

  /** Returns the head whose logits are {@code factor} · logits + {@code shift}. */
  public LinearHead scaled(double factor, double shift) {
    LinearHead scaled = new LinearHead(classes, dim, weight.clone(), bias.clone());
    for (int i = 0; i < weight.length; i++) {
      scaled.weight[i] *= (float) factor;
    }
    for (int c = 0; c < classes; c++) {
      scaled.bias[c] = (float) (scaled.bias[c] * factor + shift);
    }
    return scaled;
  }

  public boolean finite() {
    return finite(weight) && finite(bias);
  }

  /** Returns this head with rows of zeros for additional classes. */
  LinearHead grown(int newClasses) {
    return new LinearHead(
        newClasses, dim, Arrays.copyOf(weight, newClasses * dim), Arrays.copyOf(bias, newClasses));
  }

  private static boolean finite(float[] values) {
    for (float value : values) {
      if (!Float.isFinite(value)) {
        return false;
      }
    }
    return true;
  }
}
