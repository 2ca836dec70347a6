package dev.headwater.adapt.align;

/**
 * The disagreements between head and clusters that indicate a shifted class.
 *
 * <p>A shifted class crosses one decision boundary as a whole, and the head misclassifies it with
 * high confidence. Noise at a boundary and records of unknown classes scatter over many pairs of
 * labels, with low confidence. Each pair therefore counts by the probability margin that the head
 * assigns against the clusters, as a fraction of the window.
 *
 * @param real [head's label][cluster's label] whether the pair is a class shift
 * @param largest the largest probability margin of a pair, as a fraction of the window
 * @param moved fraction of the window's samples that belong to shifted classes
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record Moves(boolean[][] real, double largest, double moved) {
  /** Probability margin, as a fraction of the window, from which a pair is a class shift. */
  private static final double MIN_MARGIN = 0.03;

  /** Lower threshold for a shift already found in the last window (hysteresis). */
  private static final double MIN_MARGIN_ONGOING = 0.01;

  private static final int MIN_SAMPLES = 8;
  private static final int MIN_SAMPLES_ONGOING = 2;

  static Moves none(int classes) {
    return new Moves(new boolean[classes][classes], 0, 0);
  }

  /**
   * Finds class shifts in a window.
   *
   * @param probabilities [samples][classes] the head's probabilities
   * @param labels cluster label of each sample; a negative label excludes it
   * @param previous class shifts of the last window
   */
  static Moves of(double[][] probabilities, int[] labels, Moves previous) {
    int classes = previous.real.length;
    double[][] margins = new double[classes][classes];
    int[][] counts = new int[classes][classes];
    for (int i = 0; i < labels.length; i++) {
      int head = Directions.best(probabilities[i]);
      if (labels[i] >= 0 && labels[i] != head) {
        margins[head][labels[i]] +=
            (probabilities[i][head] - probabilities[i][labels[i]]) / labels.length;
        counts[head][labels[i]]++;
      }
    }
    boolean[][] isShift = new boolean[classes][classes];
    double largestMargin = 0;
    int moved = 0;
    for (int from = 0; from < classes; from++) {
      for (int to = 0; to < classes; to++) {
        double margin = margins[from][to];
        int count = counts[from][to];
        isShift[from][to] =
            (margin >= MIN_MARGIN && count >= MIN_SAMPLES)
                || (previous.real[from][to]
                    && margin >= MIN_MARGIN_ONGOING
                    && count >= MIN_SAMPLES_ONGOING);
        largestMargin = Math.max(largestMargin, margin);
        moved += isShift[from][to] ? count : 0;
      }
    }
    return new Moves(isShift, largestMargin, (double) moved / labels.length);
  }
}
