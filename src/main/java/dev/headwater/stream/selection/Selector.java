package dev.headwater.stream.selection;

import dev.headwater.schema.Reason;
import java.util.Optional;

/**
 * Decides record by record, with the memory that a label budget and the search for copies need.
 * Thread-safe: one for all stream threads, for the budget is of everything an instance scores.
 */
public final class Selector {
  private final Selection selection;
  private final Optional<LabelBudget> budget;
  private final RecentlyAsked recent;

  public Selector(Selection selection) {
    this.selection = selection;
    this.budget = selection.budget().map(b -> new LabelBudget(b, selection.auditShare()));
    this.recent = new RecentlyAsked(selection.copyDistance());
  }

  /**
   * @param certainty of the least sure task, as {@link Selection#standing}; 0 where no head is live
   * @param scored false while no head is live: all records are unsure, whatever the budget
   * @return why to keep the record, empty where its label is not worth asking for
   */
  public Optional<Kept> select(
      String recordId, float[] features, double certainty, boolean scored) {
    boolean audit = selection.audits(recordId);
    boolean unsure = !scored || unsure(features, certainty, audit);
    if (audit) {
      // an audit record is shown to annotators as one, unsure or not; only its weight differs
      return Optional.of(new Kept(Reason.AUDIT, unsure ? 1 : 1 / selection.auditShare()));
    }
    return unsure ? Optional.of(new Kept(Reason.UNSURE, 1)) : Optional.empty();
  }

  /**
   * Whether it would ask were it not drawn for audit; that it depends on nothing drawn makes its
   * inclusion probability known.
   */
  synchronized boolean unsure(float[] features, double certainty, boolean audit) {
    boolean below = certainty < selection.bar();
    double nearest = below || audit ? recent.nearest(features) : 0;
    boolean wanted = below && !recent.isCopy(nearest);
    boolean unsure = budget.map(held -> held.grants(certainty, wanted, audit)).orElse(wanted);
    if (unsure || audit) {
      recent.add(features, nearest);
    }
    return unsure;
  }

  /**
   * @param weight 1 / inclusion probability
   */
  public record Kept(Reason reason, double weight) {}
}
