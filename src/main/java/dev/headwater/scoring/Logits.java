package dev.headwater.scoring;

import dev.headwater.schema.HeadInfo;

/**
 * The logits of one head for one record.
 *
 * @param serial serial number of the loaded head; differs between two loads of the same version
 * @param values logits by label index
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Logits(HeadInfo head, long serial, float[] values) {

  /** Returns the sigmoid of each logit. */
  float[] sigmoids() {
    float[] probabilities = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw notFinite();
      }
      probabilities[i] = (float) (1 / (1 + Math.exp(-values[i])));
    }
    return probabilities;
  }

  /**
   * Creates the exception for non-finite logits. The record is at fault: heads are verified on
   * golden pairs at installation, but large finite features can still overflow a sum.
   */
  ArithmeticException notFinite() {
    return new ArithmeticException(
        "produces non-finite logits with head " + head.task() + "/" + head.version());
  }

  /** Returns the softmax, in double precision and shifted by the maximum against overflow. */
  float[] probabilities() {
    double max = Double.NEGATIVE_INFINITY;
    for (float value : values) {
      max = Math.max(max, value);
    }
    double[] exp = new double[values.length];
    double sum = 0;
    for (int i = 0; i < values.length; i++) {
      exp[i] = Math.exp(values[i] - max);
      sum += exp[i];
    }
    if (!Double.isFinite(sum)) {
      throw notFinite();
    }
    float[] probabilities = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      probabilities[i] = (float) (exp[i] / sum);
    }
    return probabilities;
  }
}
