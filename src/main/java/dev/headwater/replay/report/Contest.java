package dev.headwater.replay.report;

import dev.headwater.bundle.Kind;
import dev.headwater.schema.Estimate;
import org.jspecify.annotations.Nullable;

/**
 * The head that learns and the one that does not on the same records: of labels how many are right,
 * of masks how many pixels are, and the IoU of the foreground. Not thread-safe.
 */
final class Contest {
  private final int records;
  private final Hits adaptive;
  private final Hits frozen;
  private final Hits adaptiveIou;
  private final Hits frozenIou;
  private boolean compared;
  private boolean dense;
  private final @Nullable Errors errors;
  private final @Nullable Errors frozenErrors;

  /**
   * @param kind of the task's labels
   */
  Contest(int records, Kind kind) {
    boolean numbers = kind instanceof Kind.Quantity;
    errors = numbers ? new Errors(records, (Kind.Quantity) kind) : null;
    frozenErrors = numbers ? new Errors(records, (Kind.Quantity) kind) : null;
    this.records = records;
    adaptive = new Hits(records);
    frozen = new Hits(records);
    adaptiveIou = new Hits(records);
    frozenIou = new Hits(records);
  }

  /**
   * @param then null where nothing was compared
   */
  void label(int index, boolean now, @Nullable Boolean then) {
    compared |= then != null;
    adaptive.add(index, now);
    frozen.add(index, then != null && then);
  }

  /**
   * @param then null where nothing was compared
   * @param none what is said without a head
   */
  void mask(int index, Overlap now, @Nullable Overlap then, Overlap none) {
    dense = true;
    compared |= then != null;
    Overlap other = then == null ? none : then;
    adaptive.add(index, now.right(), now.pixels());
    adaptiveIou.add(index, now.intersection(), now.union());
    frozen.add(index, other.right(), other.pixels());
    frozenIou.add(index, other.intersection(), other.union());
  }

  /**
   * Of a task that tells a number.
   *
   * @param then null where nothing was compared
   */
  void estimate(int index, String truth, @Nullable Estimate now, @Nullable Estimate then) {
    if (errors != null && frozenErrors != null) {
      errors.add(index, truth, now);
      frozenErrors.add(index, truth, then);
    }
  }

  /** Null where there are no numbers. */
  ReplayReport.@Nullable Comparison rmse() {
    return errors == null || frozenErrors == null
        ? null
        : new ReplayReport.Comparison(errors.rmse(), frozenErrors.rmse());
  }

  /** Likewise. */
  ReplayReport.@Nullable Comparison coverage() {
    return errors == null || frozenErrors == null
        ? null
        : new ReplayReport.Comparison(errors.coverage(), frozenErrors.coverage());
  }

  Hits adaptive() {
    return adaptive;
  }

  /** Where nothing was compared, nothing: a frozen head that never spoke was not wrong. */
  Hits frozen() {
    return ifCompared(frozen);
  }

  private Hits ifCompared(Hits hits) {
    return compared ? hits : new Hits(records);
  }

  ReplayReport.Comparison accuracy() {
    return new ReplayReport.Comparison(adaptive.accuracy(), frozen().accuracy());
  }

  /** Null where there are no masks. */
  ReplayReport.@Nullable Comparison iou() {
    return dense
        ? new ReplayReport.Comparison(adaptiveIou.accuracy(), ifCompared(frozenIou).accuracy())
        : null;
  }
}
