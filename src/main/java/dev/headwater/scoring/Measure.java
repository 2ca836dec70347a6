package dev.headwater.scoring;

/**
 * How sure an answer is, from its probabilities: 1 where one label has all of them, and near 0
 * where all labels have the same.
 */
public enum Measure {
  /** Of the best label (Lewis and Gale 1994). */
  MAX_PROBABILITY,

  /** Between the best label and the next (Scheffer et al. 2001). */
  MARGIN,

  /** 1 - entropy / log(labels) (Shannon 1948), so that 0 and 1 mean what they do for the others. */
  ENTROPY;

  /**
   * @param probabilities of all labels; at least one
   * @return in [0, 1]
   */
  public double certainty(float[] probabilities) {
    return switch (this) {
      case MAX_PROBABILITY -> greatest(probabilities, -1);
      case MARGIN -> margin(probabilities);
      case ENTROPY -> 1 - entropy(probabilities);
    };
  }

  private static double margin(float[] probabilities) {
    int best = 0;
    for (int i = 1; i < probabilities.length; i++) {
      best = probabilities[i] > probabilities[best] ? i : best;
    }
    return probabilities[best] - greatest(probabilities, best);
  }

  private static double greatest(float[] probabilities, int except) {
    double greatest = 0;
    for (int i = 0; i < probabilities.length; i++) {
      greatest = i == except ? greatest : Math.max(greatest, probabilities[i]);
    }
    return greatest;
  }

  private static double entropy(float[] probabilities) {
    double entropy = 0;
    for (float p : probabilities) {
      entropy -= p > 0 ? p * Math.log(p) : 0;
    }
    // one label has no entropy, and log(1) nothing to divide it by; sums of floats may pass 1
    return probabilities.length == 1 ? 0 : Math.min(1, entropy / Math.log(probabilities.length));
  }
}
