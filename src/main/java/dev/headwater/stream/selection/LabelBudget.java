package dev.headwater.stream.selection;

import java.util.ArrayList;
import java.util.List;

/**
 * Limits label requests with a token bucket (Turner 1986): a share of all records, plus a reserve
 * of unused requests, up to the burst. The reserve starts full, so that most labels are spent at
 * the onset of drift. As it runs low, only the least certain records request labels. They are below
 * a quantile of recent confidences, which is the share itself for an empty reserve. Each task has
 * its own quantile and an equal part of the share, because confidences of different tasks are not
 * comparable. If the tasks agree on the least certain records, the rest of the share is saved.
 *
 * <p>If the reserve is almost full, the least certain records request labels even above the
 * threshold. Otherwise only audit samples would reveal a head that is confidently wrong.
 *
 * <p>Each decision depends only on past records, so the inclusion probability is known: 1 for
 * low-confidence records, the audit share for others. Not thread-safe.
 */
final class LabelBudget {
  /** Fraction of the burst below which the reserve counts as low. */
  private static final double LOW = 0.2;

  /** Fraction of the burst above which the threshold is ignored. */
  private static final double HIGH = 0.95;

  private final double share;
  private final int burst;
  private final int size;
  private final double quantile;
  private final double threshold;
  private final List<SortedWindow> tasks = new ArrayList<>();
  private double reserve;

  /**
   * Creates a budget with a full reserve.
   *
   * @param auditShare share of audit samples, which are selected independently and count towards
   *     the budget
   * @param threshold confidence below which a record is low-confidence
   */
  LabelBudget(Selection.Budget budget, double auditShare, double threshold) {
    this.share = budget.share();
    this.burst = budget.burst();
    this.size = budget.window();
    this.quantile = (share - auditShare) / (1 - auditShare);
    this.threshold = threshold;
    this.reserve = burst;
  }

  /**
   * Returns whether the next record may request a label as low-confidence, audit sample or not.
   *
   * @param confidences by task; infinite for a task that requests no labels
   */
  boolean affords(double[] confidences) {
    double available = available();
    if (available < 1) {
      return false;
    }
    boolean almostFull = available > HIGH * burst;
    double fill = available / (LOW * burst);
    double part = quantile / confidences.length;
    for (int task = 0; task < confidences.length; task++) {
      double confidence = confidences[task];
      boolean low =
          confidence < threshold && confidence < recent(task).quantile(part + (1 - part) * fill);
      if (low || almostFull && confidence < recent(task).quantile(part)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Updates the reserve and the recent confidences with that record.
   *
   * @param granted whether the record requests a label as low-confidence
   * @param audit whether the record is an audit sample; these may overdraw the reserve
   */
  void took(double[] confidences, boolean granted, boolean audit) {
    reserve = available() - (granted || audit ? 1 : 0);
    for (int task = 0; task < confidences.length; task++) {
      recent(task).remember(confidences[task]);
    }
  }

  /** Deducts a request that was made regardless of the budget, but does not overdraw. */
  void paid() {
    reserve = Math.max(0, available() - 1);
  }

  private double available() {
    return Math.min(burst, reserve + share);
  }

  private SortedWindow recent(int task) {
    while (tasks.size() <= task) {
      tasks.add(new SortedWindow(size));
    }
    return tasks.get(task);
  }
}
