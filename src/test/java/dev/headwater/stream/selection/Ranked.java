package dev.headwater.stream.selection;

/**
 * A baseline to compare scores with: a record requests a label if its score is below the quantile
 * of recent scores that gives the share. The quantile rises while fewer labels are requested.
 */
public final class Ranked {
  /** Number of records in which unused requests are to be used. */
  private static final int PAYBACK = 100;

  private final double share;
  private final RecentRequests recentRequests;
  private final double[] window = new double[1000];
  private int seen;
  private int requested;

  public Ranked(double share, double nearDuplicateDistance) {
    this.share = share;
    this.recentRequests = new RecentRequests(nearDuplicateDistance);
  }

  public boolean unsure(float[] features, double score, boolean audit) {
    int known = Math.min(seen, window.length);
    int below = 0;
    for (int i = 0; i < known; i++) {
      below += window[i] < score ? 1 : 0;
    }
    double unused = share * seen - requested;
    window[seen++ % window.length] = score;
    boolean low = below < (share + unused / PAYBACK) * known;
    boolean requests = low && !recentRequests.isCopy(features);
    if (requests || audit) {
      recentRequests.add(features);
    }
    requested += requests ? 1 : 0;
    return requests;
  }
}
