package dev.headwater.stream.selection;

import dev.headwater.schema.Reason;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Decides record by record, with the memory that a label budget and the search for copies need.
 * Thread-safe: one for all stream threads, for the budget is of everything an instance scores.
 */
public final class Selector {
  /** Below any difference that means something. */
  private static final double TIE = 1e-9;

  private static final float[] NOT_LOOKED_AT = {};

  private final Selection selection;
  private final Pace pace;
  private final Optional<LabelBudget> budget;
  private final Map<Space, RecentlyAsked> recent = new HashMap<>();

  /** Only vectors of one are as long, and mean something to each other. */
  private record Space(String backbone, int length) {}

  public Selector(Selection selection) {
    this(selection, System::nanoTime);
  }

  Selector(Selection selection, LongSupplier nanos) {
    this.selection = selection;
    this.pace = new Pace(selection.rate(), nanos);
    this.budget =
        selection.budget().map(b -> new LabelBudget(b, selection.auditShare(), selection.bar()));
  }

  /**
   * Whether a record is among those that may be asked about or drawn, which are all up to {@link
   * Selection#rate}. To be asked once for each; shares, budgets and weights are of these.
   *
   * @param tasks of which something is written down, each as dear as another record
   */
  public boolean considers(String recordId, int tasks) {
    return pace.takes(tasks, Selection.hash(recordId));
  }

  /** As {@link #select(String, String, Supplier, double[], boolean)}, of one task. */
  public Optional<Kept> select(
      String recordId, float[] features, double certainty, boolean scored) {
    return select(recordId, "", () -> features, new double[] {certainty}, scored);
  }

  /**
   * @param backbone fingerprint of what gave the features of the least sure task
   * @param features of that: one vector, asked for where copies are looked for
   * @param certainties by task, as {@link Selection#standing}; 0 where no head is live
   * @param scored false while no head is live: all records are unsure, whatever the budget, which
   *     pays for them nonetheless
   * @return why to keep the record, empty where its label is not worth asking for
   */
  public Optional<Kept> select(
      String recordId,
      String backbone,
      Supplier<float[]> features,
      double[] certainties,
      boolean scored) {
    long hash = Selection.hash(recordId);
    boolean audit = Selection.draws(hash, selection.auditShare());
    if (!scored) {
      coldStart();
    }
    boolean unsure = !scored || unsure(backbone, features, apart(hash, certainties), audit);
    if (audit) {
      // an audit record is shown to annotators as one, unsure or not; only its weight differs
      return Optional.of(new Kept(Reason.AUDIT, unsure ? 1 : 1 / selection.auditShare()));
    }
    return unsure ? Optional.of(new Kept(Reason.UNSURE, 1)) : Optional.empty();
  }

  private synchronized void coldStart() {
    budget.ifPresent(LabelBudget::paid);
  }

  /**
   * A head that is as sure of every record, as of numbers, leaves it to chance who asks: to the
   * hash of its id, read from the end that does not tell whether the audit draws it.
   */
  private static double[] apart(long hash, double[] certainties) {
    double[] apart = new double[certainties.length];
    double chance = Integer.toUnsignedLong(Integer.reverse((int) hash)) / 0x1p32 * TIE;
    for (int i = 0; i < apart.length; i++) {
      apart[i] = certainties[i] + chance;
    }
    return apart;
  }

  boolean unsure(float[] features, double certainty, boolean audit) {
    return unsure("", () -> features, new double[] {certainty}, audit);
  }

  /**
   * Whether it would ask were it not drawn for audit; that it depends on nothing drawn makes its
   * inclusion probability known.
   */
  private synchronized boolean unsure(
      String backbone, Supplier<float[]> features, double[] certainties, boolean audit) {
    boolean may =
        budget.map(held -> held.affords(certainties)).orElseGet(() -> anyBelowBar(certainties));
    // looked for last: most that are unsure are beyond the budget, and copies cost most to find
    boolean looks = selection.copyDistance() > 0 && (may || audit);
    float[] vector = looks ? features.get() : NOT_LOOKED_AT;
    boolean unsure = may && !(looks && asked(backbone, vector).isCopy(vector));
    budget.ifPresent(held -> held.took(certainties, unsure, audit));
    if (looks && (unsure || audit)) {
      asked(backbone, vector).add(vector);
    }
    return unsure;
  }

  private RecentlyAsked asked(String backbone, float[] vector) {
    return recent.computeIfAbsent(
        new Space(backbone, vector.length), space -> new RecentlyAsked(selection.copyDistance()));
  }

  private boolean anyBelowBar(double[] certainties) {
    return Arrays.stream(certainties).anyMatch(certainty -> certainty < selection.bar());
  }

  /**
   * @param weight 1 / inclusion probability
   */
  public record Kept(Reason reason, double weight) {}
}
