package dev.headwater.stream.selection;

import dev.headwater.schema.Reason;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Selects records for labelling one by one, with the state of the label budget and of the
 * near-duplicate search. Thread-safe: all stream threads share one, because the budget applies to
 * the instance.
 */
public final class Selector {
  /** Maximum amount added to confidences to break ties. */
  private static final double TIE_BREAK = 1e-9;

  private static final float[] NO_FEATURES = {};

  private final Selection selection;
  private final Pace rateLimiter;
  private final Optional<LabelBudget> budget;
  private final Map<Space, RecentRequests> recentRequests = new HashMap<>();

  /** A feature space; only vectors of the same space are comparable. */
  private record Space(String backbone, int length) {}

  public Selector(Selection selection) {
    this(selection, System::nanoTime);
  }

  Selector(Selection selection, LongSupplier nanoTime) {
    this.selection = selection;
    this.rateLimiter = new Pace(selection.rate(), nanoTime);
    this.budget =
        selection.budget().map(b -> new LabelBudget(b, selection.auditShare(), selection.bar()));
  }

  /**
   * Returns whether a record is considered for labelling and samples: all are up to {@link
   * Selection#rate}. Call once per record; shares, budgets and weights refer to these records.
   *
   * @param tasks number of tasks with outputs; the record counts once per task
   */
  public boolean considers(String recordId, int tasks) {
    return rateLimiter.takes(tasks, Selection.hash(recordId));
  }

  /** As {@link #select(String, String, Supplier, double[], boolean)}, for one task. */
  public Optional<Kept> select(
      String recordId, float[] features, double confidence, boolean scored) {
    return select(recordId, "", () -> features, new double[] {confidence}, scored);
  }

  /**
   * Decides whether a record requests a label.
   *
   * @param backbone fingerprint of the backbone of the least certain task
   * @param features features for that task as one vector; evaluated only for the near-duplicate
   *     search
   * @param confidences by task, as {@link Selection#standing}; 0 for a task without a live head
   * @param scored false while no head is live: all records are then low-confidence and charged to
   *     the budget, even if it is empty
   * @return the reason and weight of the sample; empty if the record requests no label
   */
  public Optional<Kept> select(
      String recordId,
      String backbone,
      Supplier<float[]> features,
      double[] confidences,
      boolean scored) {
    long hash = Selection.hash(recordId);
    boolean audit = Selection.selects(hash, selection.auditShare());
    if (!scored) {
      coldStart();
    }
    boolean lowConfidence =
        !scored || decide(backbone, features, withTieBreak(hash, confidences), audit);
    if (audit) {
      // annotators must not see whether an audit sample is low-confidence; only its weight differs
      return Optional.of(new Kept(Reason.AUDIT, lowConfidence ? 1 : 1 / selection.auditShare()));
    }
    return lowConfidence ? Optional.of(new Kept(Reason.UNSURE, 1)) : Optional.empty();
  }

  private synchronized void coldStart() {
    budget.ifPresent(LabelBudget::paid);
  }

  /**
   * Breaks ties of heads with constant confidence, such as numeric heads, by the hash of the record
   * id. The bits are reversed, because audit samples are selected by the high bits.
   */
  private static double[] withTieBreak(long hash, double[] confidences) {
    double[] distinct = new double[confidences.length];
    double offset = Integer.toUnsignedLong(Integer.reverse((int) hash)) / 0x1p32 * TIE_BREAK;
    for (int i = 0; i < distinct.length; i++) {
      distinct[i] = confidences[i] + offset;
    }
    return distinct;
  }

  boolean unsure(float[] features, double confidence, boolean audit) {
    return decide("", () -> features, new double[] {confidence}, audit);
  }

  /**
   * Returns whether a record requests a label as low-confidence. The result for this record does
   * not depend on {@code audit}, so its inclusion probability is known.
   */
  private synchronized boolean decide(
      String backbone, Supplier<float[]> features, double[] confidences, boolean audit) {
    boolean eligible =
        budget.map(b -> b.affords(confidences)).orElseGet(() -> anyBelowThreshold(confidences));
    // near-duplicates last: the search is expensive, and the budget excludes most records
    boolean search = selection.nearDuplicateDistance() > 0 && (eligible || audit);
    float[] vector = search ? features.get() : NO_FEATURES;
    boolean granted = eligible && !(search && requests(backbone, vector).isCopy(vector));
    budget.ifPresent(b -> b.took(confidences, granted, audit));
    if (search && (granted || audit)) {
      requests(backbone, vector).add(vector);
    }
    return granted;
  }

  private RecentRequests requests(String backbone, float[] vector) {
    return recentRequests.computeIfAbsent(
        new Space(backbone, vector.length),
        space -> new RecentRequests(selection.nearDuplicateDistance()));
  }

  private boolean anyBelowThreshold(double[] confidences) {
    return Arrays.stream(confidences).anyMatch(confidence -> confidence < selection.bar());
  }

  /**
   * Why and with which weight a record is included in the samples.
   *
   * @param weight 1 / inclusion probability
   */
  public record Kept(Reason reason, double weight) {}
}
