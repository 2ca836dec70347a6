package dev.headwater.scoring;

import dev.headwater.schema.HeadInfo;

/**
 * What one head said of one record.
 *
 * @param serial of the loaded head; tells two loads of one version apart
 * @param values by label index
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record Logits(HeadInfo head, long serial, float[] values) {

  /** Each output by itself. */
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
   * Of the record: heads have proved themselves on their golden pairs when they are installed, and
   * features that are finite may still be so large that a sum of them is not.
   */
  ArithmeticException notFinite() {
    return new ArithmeticException(
        "makes head " + head.task() + "/" + head.version() + " give logits that are not finite");
  }

  /** Softmax in double precision, shifted by the greatest logit so that nothing overflows. */
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
