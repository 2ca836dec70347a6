package dev.headwater.stream.selection;

import java.util.Arrays;

/**
 * How many records may ask for a label: a share of all, and what was saved of it, up to a burst (a
 * token bucket: Turner 1986). It starts full. Labels are spent where they teach most that way, at
 * the onset of something new; as they run low, only the least certain records may ask: those below
 * a quantile of the last certainties, which is the share itself where nothing is left.
 *
 * <p>Looks only backwards, so that a record's inclusion probability given its past is known: 1
 * where unsure, else the audit share. Not thread-safe.
 */
final class LabelBudget {
  /** Of the burst; below it, the less is saved, the choosier. */
  private static final double LOW = 0.2;

  private final double share;
  private final int burst;
  private final double quantile;
  private final double[] arrival;
  private final double[] sorted;
  private double saved;
  private int count;
  private int next;

  /**
   * @param auditShare what the audit, drawn independently, takes of the share
   */
  LabelBudget(Selection.Budget budget, double auditShare) {
    this.share = budget.share();
    this.burst = budget.burst();
    this.quantile = (share - auditShare) / (1 - auditShare);
    this.arrival = new double[budget.window()];
    this.sorted = new double[budget.window()];
    this.saved = burst;
  }

  /**
   * Whether this record may ask as one that is unsure, drawn for audit or not; remembers it.
   *
   * @param wanted whether it would; what is not asked for is saved
   * @param audit it asks for a label in any case, and what that takes is paid back
   */
  boolean grants(double certainty, boolean wanted, boolean audit) {
    saved = Math.min(burst, saved + share);
    boolean granted = wanted && saved >= 1 && certainty < threshold();
    saved -= granted || audit ? 1 : 0;
    remember(certainty);
    return granted;
  }

  /** The least certainty that is not unsure, by what was seen and is saved so far. */
  private double threshold() {
    double plenty = Math.max(0, saved) / (LOW * burst);
    int rank = (int) Math.floor((quantile + (1 - quantile) * plenty) * count);
    return rank < count ? sorted[rank] : Double.POSITIVE_INFINITY;
  }

  private void remember(double certainty) {
    if (count == arrival.length) {
      int oldest = insertion(arrival[next]);
      System.arraycopy(sorted, oldest + 1, sorted, oldest, count - oldest - 1);
      count--;
    }
    int at = insertion(certainty);
    System.arraycopy(sorted, at, sorted, at + 1, count - at);
    sorted[at] = certainty;
    arrival[next] = certainty;
    next = (next + 1) % arrival.length;
    count++;
  }

  /** Where {@code certainty} is in the sorted values, or belongs. */
  private int insertion(double certainty) {
    int at = Arrays.binarySearch(sorted, 0, count, certainty);
    return at < 0 ? -at - 1 : at;
  }
}
