package dev.headwater.replay.report;

import dev.headwater.bundle.Kind;
import dev.headwater.schema.Estimate;
import org.jspecify.annotations.Nullable;

/**
 * A comparison of the adaptive and the frozen head on the same records: accuracy of labels or
 * pixels, IoU of masks, and errors of regression tasks. Not thread-safe.
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

  Contest(int records, Kind kind) {
    boolean regression = kind instanceof Kind.Quantity;
    errors = regression ? new Errors(records, (Kind.Quantity) kind) : null;
    frozenErrors = regression ? new Errors(records, (Kind.Quantity) kind) : null;
    this.records = records;
    adaptive = new Hits(records);
    frozen = new Hits(records);
    adaptiveIou = new Hits(records);
    frozenIou = new Hits(records);
  }

  /**
   * Adds a prediction of labels.
   *
   * @param frozenCorrect null without a prediction of the frozen head
   */
  void label(int index, boolean adaptiveCorrect, @Nullable Boolean frozenCorrect) {
    compared |= frozenCorrect != null;
    adaptive.add(index, adaptiveCorrect);
    frozen.add(index, frozenCorrect != null && frozenCorrect);
  }

  /**
   * Adds a prediction of a mask.
   *
   * @param frozenMask null without a prediction of the frozen head
   * @param none the overlap of a missing prediction
   */
  void mask(int index, Overlap adaptiveMask, @Nullable Overlap frozenMask, Overlap none) {
    dense = true;
    compared |= frozenMask != null;
    Overlap other = frozenMask == null ? none : frozenMask;
    adaptive.add(index, adaptiveMask.right(), adaptiveMask.pixels());
    adaptiveIou.add(index, adaptiveMask.intersection(), adaptiveMask.union());
    frozen.add(index, other.right(), other.pixels());
    frozenIou.add(index, other.intersection(), other.union());
  }

  /**
   * Adds a prediction of a regression task.
   *
   * @param adaptiveEstimate null without a prediction
   * @param frozenEstimate null without a prediction of the frozen head
   */
  void estimate(
      int index,
      String truth,
      @Nullable Estimate adaptiveEstimate,
      @Nullable Estimate frozenEstimate) {
    if (errors != null && frozenErrors != null) {
      errors.add(index, truth, adaptiveEstimate);
      frozenErrors.add(index, truth, frozenEstimate);
    }
  }

  /** Returns the root mean squared errors; null unless it is a regression task. */
  ReplayReport.@Nullable Comparison rmse() {
    return errors == null || frozenErrors == null
        ? null
        : new ReplayReport.Comparison(errors.rmse(), frozenErrors.rmse());
  }

  /** Returns the coverage of the intervals; null unless it is a regression task. */
  ReplayReport.@Nullable Comparison coverage() {
    return errors == null || frozenErrors == null
        ? null
        : new ReplayReport.Comparison(errors.coverage(), frozenErrors.coverage());
  }

  Hits adaptive() {
    return adaptive;
  }

  /** Returns the results of the frozen head; empty, not all wrong, if it never predicted. */
  Hits frozen() {
    return ifCompared(frozen);
  }

  private Hits ifCompared(Hits hits) {
    return compared ? hits : new Hits(records);
  }

  ReplayReport.Comparison accuracy() {
    return new ReplayReport.Comparison(adaptive.accuracy(), frozen().accuracy());
  }

  /** Returns the IoU; null without masks. */
  ReplayReport.@Nullable Comparison iou() {
    return dense
        ? new ReplayReport.Comparison(adaptiveIou.accuracy(), ifCompared(frozenIou).accuracy())
        : null;
  }
}
