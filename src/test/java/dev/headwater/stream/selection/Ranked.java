package dev.headwater.stream.selection;

/**
 * The plainest way to a given share of labels, for comparing what to rank records by: those ask
 * whose score is below that quantile of the last scores, or a higher one while fewer have asked
 * than might.
 */
public final class Ranked {
  /** Records within which what is left of the share is to be asked. */
  private static final int PAYBACK = 100;

  private final double share;
  private final RecentlyAsked recent;
  private final double[] window = new double[1000];
  private int seen;
  private int asked;

  public Ranked(double share, double copyDistance) {
    this.share = share;
    this.recent = new RecentlyAsked(copyDistance);
  }

  public boolean unsure(float[] features, double score, boolean audit) {
    int known = Math.min(seen, window.length);
    int below = 0;
    for (int i = 0; i < known; i++) {
      below += window[i] < score ? 1 : 0;
    }
    double left = share * seen - asked;
    window[seen++ % window.length] = score;
    boolean low = below < (share + left / PAYBACK) * known;
    boolean asks = low && !recent.isCopy(features);
    if (asks || audit) {
      recent.add(features);
    }
    asked += asks ? 1 : 0;
    return asks;
  }
}
