package dev.headwater.stream;

import java.util.Arrays;

/**
 * Holds the share of records that ask for a label. The threshold is a quantile of the last
 * confidences; and since a quantile of the past lets more through while confidence falls, no window
 * of consecutive records ever asks for more than its share. Both look only backwards, so that a
 * record's inclusion probability given its past is known: 1 where unsure, else the audit share.
 *
 * <p>One for all stream threads: the share is of everything an instance scores.
 */
final class LabelBudget {
  private final double share;
  private final double quantile;
  private final double[] arrival;
  private final boolean[] asked;
  private final double[] sorted;
  private int count;
  private int next;
  private int asking;

  /**
   * @param share of any {@code window} consecutive records that may ask for a label
   * @param auditShare what the audit, drawn independently, takes of it
   */
  LabelBudget(double share, double auditShare, int window) {
    this.share = share;
    this.quantile = (share - auditShare) / (1 - auditShare);
    this.arrival = new double[window];
    this.asked = new boolean[window];
    this.sorted = new double[window];
  }

  /**
   * Whether this record may ask as one that is unsure; remembers it.
   *
   * @param wanted whether it would; what is not asked for is there for worse times
   * @param audit it asks for a label in any case
   */
  synchronized boolean grants(double confidence, boolean wanted, boolean audit) {
    if (count == arrival.length) {
      forgetOldest();
    }
    int allowed = (int) Math.floor(share * (count + 1));
    boolean granted = wanted && confidence < threshold() && (audit || asking < allowed);
    remember(confidence, granted || audit);
    return granted;
  }

  /** The least confidence that is not unsure, by what was seen so far. */
  private double threshold() {
    int rank = (int) Math.floor(quantile * count);
    return rank < count ? sorted[rank] : Double.POSITIVE_INFINITY;
  }

  private void remember(double confidence, boolean asks) {
    int at = insertion(confidence);
    System.arraycopy(sorted, at, sorted, at + 1, count - at);
    sorted[at] = confidence;
    arrival[next] = confidence;
    asked[next] = asks;
    asking += asks ? 1 : 0;
    next = (next + 1) % arrival.length;
    count++;
  }

  private void forgetOldest() {
    int at = insertion(arrival[next]);
    System.arraycopy(sorted, at + 1, sorted, at, count - at - 1);
    asking -= asked[next] ? 1 : 0;
    count--;
  }

  /** Where {@code confidence} is in the sorted values, or belongs. */
  private int insertion(double confidence) {
    int at = Arrays.binarySearch(sorted, 0, count, confidence);
    return at < 0 ? -at - 1 : at;
  }
}
