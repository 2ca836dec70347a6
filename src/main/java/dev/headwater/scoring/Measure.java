package dev.headwater.scoring;

/**
 * A confidence measure over class probabilities: 1 if one label has probability 1, near 0 if all
 * labels are equally probable.
 */
public enum Measure {
  /** The probability of the best label (Lewis and Gale 1994). */
  MAX_PROBABILITY,

  /** The difference between the two highest probabilities (Scheffer et al. 2001). */
  MARGIN,

  /** 1 - entropy / log(number of labels) (Shannon 1948), scaled to [0, 1] like the others. */
  ENTROPY;

  /**
   * Returns the confidence, in [0, 1].
   *
   * @param probabilities probabilities of all labels, at least one
   */
  public double confidence(float[] probabilities) {
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
    // log(1) is 0, so a single label is a special case; rounding may raise the ratio above 1
    return probabilities.length == 1 ? 0 : Math.min(1, entropy / Math.log(probabilities.length));
  }
}
