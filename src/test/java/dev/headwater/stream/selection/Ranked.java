package dev.headwater.stream.selection;

/**
 * The plainest way to a given share of labels, for comparing what to rank records by: those ask
 * whose score is below that quantile of the last scores.
 */
public final class Ranked {
  private final double share;
  private final RecentlyAsked recent;
  private final double[] window = new double[1000];
  private int seen;

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
    window[seen++ % window.length] = score;
    boolean low = below < share * known;
    double nearest = low || audit ? recent.nearest(features) : 0;
    boolean asks = low && !recent.isCopy(nearest);
    if (asks || audit) {
      recent.add(features, nearest);
    }
    return asks;
  }
}
