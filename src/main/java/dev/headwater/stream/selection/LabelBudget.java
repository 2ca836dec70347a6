package dev.headwater.stream.selection;

import java.util.ArrayList;
import java.util.List;

/**
 * How many records may ask for a label: a share of all, and what was saved of it, up to a burst (a
 * token bucket: Turner 1986). It starts full. Labels are spent where they teach most that way, at
 * the onset of something new; as they run low, only the least certain records may ask: those below
 * a quantile of the last certainties, which is the share itself where nothing is left. Of several
 * tasks, each has its quantile and its part of the share, for their certainties do not compare;
 * where the same records are the least certain for all of them, what is left is saved.
 *
 * <p>The last of what can be saved is spent on the least certain records, however certain: a head
 * that is sure of what it gets wrong would else find out by audits alone.
 *
 * <p>Looks only backwards, so that a record's inclusion probability given its past is known: 1
 * where unsure, else the audit share. Not thread-safe.
 */
final class LabelBudget {
  /** Of the burst; below it, the less is saved, the choosier. */
  private static final double LOW = 0.2;

  /** Of the burst; what is saved above it is for the least certain records, however certain. */
  private static final double HIGH = 0.95;

  private final double share;
  private final int burst;
  private final int size;
  private final double quantile;
  private final double bar;
  private final List<SortedWindow> tasks = new ArrayList<>();
  private double saved;

  /**
   * @param auditShare what the audit, drawn independently, takes of the share
   * @param bar certainty from which a record is sure, and saved labels are not for it
   */
  LabelBudget(Selection.Budget budget, double auditShare, double bar) {
    this.share = budget.share();
    this.burst = budget.burst();
    this.size = budget.window();
    this.quantile = (share - auditShare) / (1 - auditShare);
    this.bar = bar;
    this.saved = burst;
  }

  /**
   * Whether the next record may ask as one that is unsure, drawn for audit or not.
   *
   * @param certainties by task; infinite where a task asks for nothing
   */
  boolean affords(double[] certainties) {
    double held = accrued();
    if (held < 1) {
      return false;
    }
    boolean overflows = held > HIGH * burst;
    double plenty = held / (LOW * burst);
    double part = quantile / certainties.length;
    for (int task = 0; task < certainties.length; task++) {
      double certainty = certainties[task];
      boolean low =
          certainty < bar && certainty < recent(task).quantile(part + (1 - part) * plenty);
      if (low || overflows && certainty < recent(task).quantile(part)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Pays for that record and remembers it; what is not asked for is saved.
   *
   * @param granted it asks as one that is unsure
   * @param audit it asks for a label in any case, and what that takes is paid back
   */
  void took(double[] certainties, boolean granted, boolean audit) {
    saved = accrued() - (granted || audit ? 1 : 0);
    for (int task = 0; task < certainties.length; task++) {
      recent(task).remember(certainties[task]);
    }
  }

  /** Pays for what was asked without it, as far as there is anything to pay with. */
  void paid() {
    saved = Math.max(0, accrued() - 1);
  }

  private double accrued() {
    return Math.min(burst, saved + share);
  }

  private SortedWindow recent(int task) {
    while (tasks.size() <= task) {
      tasks.add(new SortedWindow(size));
    }
    return tasks.get(task);
  }
}
