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
  private static final int STEPS = 48;

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
    // unimodal in the logarithm of the temperature: golden-section search
    double golden = (Math.sqrt(5) - 1) / 2;
    double low = Math.log(LEAST);
    double high = Math.log(MOST);
    for (int i = 0; i < STEPS; i++) {
      double left = high - golden * (high - low);
      double right = low + golden * (high - low);
      if (cost(left, logits, classes, weights, unit)
          < cost(right, logits, classes, weights, unit)) {
        high = right;
      } else {
        low = left;
      }
    }
    return Math.exp((low + high) / 2);
  }

  private static double cost(
      double logT, List<float[]> logits, int[] classes, double[] weights, double unit) {
    double cost = logT * logT / (2 * SPREAD * SPREAD);
    for (int i = 0; i < classes.length; i++) {
      cost += unit * weights[i] * surprise(logits.get(i), classes[i], Math.exp(-logT));
    }
    return cost;
  }

  /** -log of the probability that logits, times {@code inverse}, give the right one; in nats. */
  public static double surprise(float[] logits, int right, double inverse) {
    double most = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      most = Math.max(most, logit * inverse);
    }
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit * inverse - most);
    }
    return Math.log(sum) + most - logits[right] * inverse;
  }
}
