package dev.headwater.adapt.fit;

import java.util.List;

/**
 * Temperature scaling (Guo et al. 2017): one number that makes confidences mean what they say. With
 * few or very unequal weights it stays near 1: the likelihood counts as many samples as the weights
 * are worth (Kish 1965), against a log-normal prior.
 */
public final class Temperature {
  /** Standard deviation of the prior on the logarithm. */
  private static final double SPREAD = 0.2;

  private static final double LEAST = 0.25;
  private static final double MOST = 4;

  /** Halvings; what is left of the range is finer than the weights it scales. */
  private static final int STEPS = 24;

  private Temperature() {}

  /**
   * The most probable temperature of logits that a head gave samples it did not train on.
   *
   * @param classes the right output index of each row
   * @param weights 1 / inclusion probability of each
   */
  public static double fit(List<float[]> logits, int[] classes, double[] weights) {
    double sum = 0;
    double squares = 0;
    for (double weight : weights) {
      sum += weight;
      squares += weight * weight;
    }
    if (squares == 0) {
      return 1;
    }
    double unit = sum / squares;
    // unimodal in the logarithm of the temperature: the least is where the slope changes its sign
    double low = Math.log(LEAST);
    double high = Math.log(MOST);
    for (int i = 0; i < STEPS; i++) {
      double middle = (low + high) / 2;
      if (slope(middle, logits, classes, weights, unit) > 0) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return Math.exp((low + high) / 2);
  }

  /** Of what the temperature costs: the surprise of the samples, and of the prior. */
  private static double slope(
      double logT, List<float[]> logits, int[] classes, double[] weights, double unit) {
    double inverse = Math.exp(-logT);
    double slope = logT / (SPREAD * SPREAD);
    for (int i = 0; i < classes.length; i++) {
      float[] row = logits.get(i);
      slope += unit * weights[i] * inverse * (row[classes[i]] - expected(row, inverse));
    }
    return slope;
  }

  /** The mean of logits, each as probable as it says, times {@code inverse}. */
  private static double expected(float[] logits, double inverse) {
    double most = most(logits);
    double sum = 0;
    double all = 0;
    for (float logit : logits) {
      double share = Math.exp((logit - most) * inverse);
      sum += share * logit;
      all += share;
    }
    return sum / all;
  }

  private static double most(float[] logits) {
    double most = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      most = Math.max(most, logit);
    }
    return most;
  }

  /** -log of the probability that logits, times {@code inverse}, give the right one; in nats. */
  public static double surprise(float[] logits, int right, double inverse) {
    double most = most(logits) * inverse;
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit * inverse - most);
    }
    return Math.log(sum) + most - logits[right] * inverse;
  }
}
