package dev.headwater.adapt.fit;

import java.util.List;

/**
 * Temperature scaling (Guo et al. 2017), which calibrates confidences with a single parameter.
 *
 * <p>A log-normal prior keeps the temperature near 1 if there are few samples or very unequal
 * weights: the likelihood counts the effective sample size (Kish 1965).
 */
public final class Temperature {
  /** Standard deviation of the prior of the log temperature. */
  private static final double PRIOR_DEVIATION = 0.2;

  private static final double MIN_TEMPERATURE = 0.25;
  private static final double MAX_TEMPERATURE = 4;

  /** Bisection steps; the remaining interval is below the precision of the scaled weights. */
  private static final int BISECTION_STEPS = 24;

  private Temperature() {}

  /**
   * Returns the maximum a posteriori temperature of out-of-sample logits.
   *
   * @param classes true output index of each row
   * @param weights 1 / inclusion probability of each row
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
    // the objective is unimodal in the log temperature: its minimum is where the slope changes sign
    double low = Math.log(MIN_TEMPERATURE);
    double high = Math.log(MAX_TEMPERATURE);
    for (int i = 0; i < BISECTION_STEPS; i++) {
      double middle = (low + high) / 2;
      if (slope(middle, logits, classes, weights, unit) > 0) {
        high = middle;
      } else {
        low = middle;
      }
    }
    return Math.exp((low + high) / 2);
  }

  /** Returns the derivative of the negative log posterior by the log temperature. */
  private static double slope(
      double logT, List<float[]> logits, int[] classes, double[] weights, double unit) {
    double inverse = Math.exp(-logT);
    double slope = logT / (PRIOR_DEVIATION * PRIOR_DEVIATION);
    for (int i = 0; i < classes.length; i++) {
      float[] row = logits.get(i);
      slope += unit * weights[i] * inverse * (row[classes[i]] - expected(row, inverse));
    }
    return slope;
  }

  /** Returns the expected logit under the softmax at inverse temperature {@code inverse}. */
  private static double expected(float[] logits, double inverse) {
    double max = max(logits);
    double sum = 0;
    double all = 0;
    for (float logit : logits) {
      double exponential = Math.exp((logit - max) * inverse);
      sum += exponential * logit;
      all += exponential;
    }
    return sum / all;
  }

  private static double max(float[] logits) {
    double max = Double.NEGATIVE_INFINITY;
    for (float logit : logits) {
      max = Math.max(max, logit);
    }
    return max;
  }

  /** Returns the negative log-likelihood of the true class at an inverse temperature, in nats. */
  public static double surprise(float[] logits, int trueClass, double inverse) {
    double max = max(logits) * inverse;
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit * inverse - max);
    }
    return Math.log(sum) + max - logits[trueClass] * inverse;
  }
}
