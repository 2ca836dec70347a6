package dev.headwater.adapt.align;

/**
 * Which disagreements of a head with the clusters are those of a class that has moved. Such a class
 * crosses one boundary in a body, and the head is sure of its mistake; noise at a boundary, and
 * records of classes that no head knows, scatter over many pairs of labels where the head is unsure
 * itself. So a pair counts by the probability that the head holds against the clusters on it, as a
 * share of the window.
 *
 * @param real [head's label][cluster's label]
 * @param largest the greatest share of the window's probability that one pair has
 * @param moved share of the window that is of real moves
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record Moves(boolean[][] real, double largest, double moved) {
  /** Share of the window's probability that makes a move real. */
  private static final double SHARE = 0.03;

  /** Of a move that was real in the last window: what was begun is not given up for little. */
  private static final double LASTING = 0.01;

  private static final int SAMPLES = 8;
  private static final int LASTING_SAMPLES = 2;

  static Moves none(int classes) {
    return new Moves(new boolean[classes][classes], 0, 0);
  }

  /**
   * @param opinion [samples][classes] the head's probabilities
   * @param labels the cluster's label of each sample, negative to leave it out
   * @param before those of the last window
   */
  static Moves of(double[][] opinion, int[] labels, Moves before) {
    int classes = before.real.length;
    double[][] against = new double[classes][classes];
    int[][] counts = new int[classes][classes];
    for (int i = 0; i < labels.length; i++) {
      int head = Directions.best(opinion[i]);
      if (labels[i] >= 0 && labels[i] != head) {
        against[head][labels[i]] += (opinion[i][head] - opinion[i][labels[i]]) / labels.length;
        counts[head][labels[i]]++;
      }
    }
    boolean[][] real = new boolean[classes][classes];
    double largest = 0;
    int moved = 0;
    for (int from = 0; from < classes; from++) {
      for (int to = 0; to < classes; to++) {
        double share = against[from][to];
        int count = counts[from][to];
        real[from][to] =
            (share >= SHARE && count >= SAMPLES)
                || (before.real[from][to] && share >= LASTING && count >= LASTING_SAMPLES);
        largest = Math.max(largest, share);
        moved += real[from][to] ? count : 0;
      }
    }
    return new Moves(real, largest, (double) moved / labels.length);
  }
}
