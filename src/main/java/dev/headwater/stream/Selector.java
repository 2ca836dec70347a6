package dev.headwater.stream;

import dev.headwater.schema.Reason;
import java.util.Optional;

/** Decides record by record, with the memory a label budget needs. Thread-safe. */
final class Selector {
  private final Selection selection;
  private final Optional<LabelBudget> budget;

  Selector(Selection selection) {
    this.selection = selection;
    this.budget =
        selection.budget().map(b -> new LabelBudget(b.share(), selection.auditShare(), b.window()));
  }

  /**
   * @param confidence of the best label, 0 where no head is live
   * @param scored false while no head is live: all records are unsure, whatever the budget
   * @return why to keep the record, empty where its label is not worth asking for
   */
  Optional<Kept> select(String recordId, double confidence, boolean scored) {
    boolean audit = selection.audits(recordId);
    boolean unsure = !scored || unsure(confidence, audit);
    if (audit) {
      // an audit record is shown to annotators as one, unsure or not; only its weight differs
      return Optional.of(new Kept(Reason.AUDIT, unsure ? 1 : 1 / selection.auditShare()));
    }
    return unsure ? Optional.of(new Kept(Reason.UNSURE, 1)) : Optional.empty();
  }

  private boolean unsure(double confidence, boolean audit) {
    boolean below = confidence < selection.threshold();
    return budget.map(held -> held.grants(confidence, below, audit)).orElse(below);
  }

  /**
   * @param weight 1 / inclusion probability
   */
  record Kept(Reason reason, double weight) {}
}
