package dev.headwater.adapt;

import dev.headwater.bundle.Kind;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.metrics.TrainerMetrics.Side;
import dev.headwater.schema.Estimate;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Scored;
import dev.headwater.scoring.KindAnswer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Prequential accuracy (Dawid 1984; Gama et al. 2013) and expected calibration error (Naeini et al.
 * 2015) of the served predictions and of the parent of the live head. Both are measured on the
 * latest labelled samples before any head is trained on them. Samples weigh 1 / inclusion
 * probability, so that the estimates hold for all traffic.
 *
 * <ul>
 *   <li>Labels: accuracy, and calibration of the confidence.
 *   <li>Numbers: accuracy is 1 - {@link Kind#error}; calibration compares the coverage of the
 *       interval with its nominal coverage.
 *   <li>Masks: pixel accuracy, calibration of the mean confidence, and the IoU over all samples. A
 *       sample does not carry the predicted mask, so the live head scores its tiles again.
 * </ul>
 *
 * <p>Not thread-safe.
 */
final class Prequential {
  private final String task;
  private final Kind kind;
  private final Optional<Dense> dense;
  private final Supervision supervision;
  private final Fitter fitter;
  private final TrainerMetrics metrics;
  private final Window served = new Window();
  private final Window previous = new Window();
  private @Nullable HeadInfo live;
  private Fitter.@Nullable Trained liveHead;
  private @Nullable HeadInfo parent;
  private Fitter.@Nullable Trained parentHead;
  private LabelAliases aliases = LabelAliases.none("");

  /**
   * @param dense where the labels are masks
   */
  Prequential(
      String task, Kind kind, Optional<Dense> dense, Fitter fitter, TrainerMetrics metrics) {
    this.task = task;
    this.kind = kind;
    this.dense = dense;
    this.supervision = Supervision.of(kind);
    this.fitter = fitter;
    this.metrics = metrics;
  }

  /** Applies label aliases to later comparisons of predictions with labels. */
  void relabel(LabelAliases newAliases) {
    aliases = newAliases;
  }

  /** Sets the live head and its parent. */
  void follow(Optional<Head> head, Optional<Head> itsParent) {
    live = head.map(Head::info).orElse(null);
    liveHead = dense.flatMap(masks -> head).map(fitter::of).orElse(null);
    parent = itsParent.map(Head::info).orElse(null);
    parentHead = itsParent.map(fitter::of).orElse(null);
  }

  /**
   * Evaluates the served prediction and the parent head on a sample, and updates the metrics.
   *
   * @param sample a labelled sample of this task that no head was trained on yet
   * @return error of the prediction in [0, 1]; for a mask, the fraction of wrong pixels under the
   *     live head. Empty if no head was live
   */
  Optional<Double> see(Sample sample) {
    if (dense.isPresent()) {
      Remembered withMask = Remembered.of(sample, 0, -1).with(dense.get().truth(sample));
      recordMask(Side.PREVIOUS, previous, parent, parentHead, withMask);
      return recordMask(Side.LIVE, served, live, liveHead, withMask)
          .map(pixelAccuracy -> 1 - pixelAccuracy);
    }
    String predicted = sample.getPredicted();
    if (predicted == null) {
      return Optional.empty();
    }
    HeadInfo source = live != null && live.version() == sample.getHeadVersion() ? live : null;
    recordPrediction(
        Side.LIVE, served, sample, new Scored(predicted, sample.getConfidence()), source);
    if (parent != null && parentHead != null) {
      HeadInfo info = parent;
      float[] logits = parentHead.logits(List.of(SampleSerde.unpack(sample))).get(0);
      prediction(info, logits)
          .ifPresent(
              prediction -> recordPrediction(Side.PREVIOUS, previous, sample, prediction, info));
    }
    return error(sample);
  }

  /** Returns the error as {@link #see} does, without metrics; empty for masks. */
  Optional<Double> error(Sample sample) {
    return Optional.ofNullable(sample.getPredicted())
        .flatMap(predicted -> error(predicted, sample.getLabel()));
  }

  /** Returns the error; empty if either label has been retired. */
  private Optional<Double> error(String predicted, String truth) {
    Optional<String> label = kind.now(aliases, truth);
    return kind.now(aliases, predicted)
        .flatMap(current -> label.map(target -> kind.error(current, target)));
  }

  private Optional<Scored> prediction(HeadInfo head, float[] logits) {
    if (kind instanceof Kind.Quantity quantity) {
      double value = quantity.value(KindAnswer.within(head, logits[0]));
      return Optional.of(new Scored(Double.toString(value), 0));
    }
    return supervision.answer(new Supervision.HeadOutput(head.labels(), logits));
  }

  /**
   * @param source head that made the prediction; null if it is no longer known
   */
  private void recordPrediction(
      Side side, Window window, Sample sample, Scored prediction, @Nullable HeadInfo source) {
    Optional<Double> comparable = error(prediction.label(), sample.getLabel());
    if (comparable.isEmpty()) {
      return;
    }
    double error = comparable.get();
    if (kind instanceof Kind.Quantity quantity) {
      Double halfWidth =
          source == null ? null : source.verdict().numbers().get(KindAnswer.HALF_WIDTH);
      double residual = quantity.onScale(prediction.label()) - quantity.onScale(sample.getLabel());
      boolean covered = halfWidth != null && Math.abs(residual) <= halfWidth;
      double nominal = halfWidth == null ? Double.NaN : Estimate.COVERAGE;
      window.add(sample.getWeight(), 1 - error, nominal, covered ? 1 : 0);
    } else {
      double correct = error == 0 ? 1 : 0;
      window.add(sample.getWeight(), correct, prediction.confidence(), correct);
    }
    report(side, window);
  }

  /** Returns the pixel accuracy of the head; empty if there is no head or no mask. */
  private Optional<Double> recordMask(
      Side side,
      Window window,
      @Nullable HeadInfo info,
      Fitter.@Nullable Trained head,
      Remembered sample) {
    if (info == null || head == null || sample.truth() == null) {
      return Optional.empty();
    }
    Dense masks = dense.orElseThrow();
    int classes = info.labels().size();
    float[] logits = head.logits(List.of(sample.features())).get(0);
    Dense.Found scores = masks.found(sample, logits, classes);
    double accuracy = scores.right();
    window.add(sample.weight(), accuracy, masks.confidence(sample, logits, classes), accuracy);
    window.overlaps(scores.intersection(), scores.union());
    report(side, window);
    metrics.overlap(task, side, window.iou());
    return Optional.of(accuracy);
  }

  private void report(Side side, Window window) {
    metrics.prequential(task, side, window.accuracy(), window.calibrationError());
  }

  /** A sliding window over the latest predictions. */
  static final class Window {
    static final int SIZE = 500;
    private static final int BINS = 10;

    private final double[] weights = new double[SIZE];
    private final double[] accuracies = new double[SIZE];
    private final double[] intersections = new double[SIZE];
    private final double[] unions = new double[SIZE];
    private final double[] confidences = new double[SIZE];
    private final double[] outcomes = new double[SIZE];
    private int seen;

    /**
     * @param accuracy of the prediction, in [0, 1]
     * @param confidence of the prediction; NaN where it is unknown
     * @param outcome 1 where the prediction was correct, 0 where not; a fraction for masks
     */
    void add(double weight, double accuracy, double confidence, double outcome) {
      int at = seen++ % SIZE;
      weights[at] = weight;
      accuracies[at] = accuracy;
      confidences[at] = confidence;
      outcomes[at] = outcome;
    }

    /** Adds the overlap counts of the last added mask. */
    void overlaps(double intersection, double union) {
      int at = (seen - 1) % SIZE;
      intersections[at] = intersection;
      unions[at] = union;
    }

    /** Returns the weighted accuracy; NaN for an empty window. */
    double accuracy() {
      return weighted(accuracies) / Arrays.stream(weights).sum();
    }

    /** Returns the IoU over all masks; NaN before the first foreground pixel. */
    double iou() {
      return weighted(intersections) / weighted(unions);
    }

    private double weighted(double[] values) {
      double sum = 0;
      for (int i = 0; i < SIZE; i++) {
        sum += weights[i] * values[i];
      }
      return sum;
    }

    /** Returns the expected calibration error over ten confidence bins; NaN for an empty window. */
    double calibrationError() {
      double[] gaps = new double[BINS];
      double totalWeight = 0;
      for (int i = 0; i < Math.min(seen, SIZE); i++) {
        if (!Double.isNaN(confidences[i])) {
          int bin = (int) Math.max(0, Math.min(BINS - 1, confidences[i] * BINS));
          gaps[bin] += weights[i] * (outcomes[i] - confidences[i]);
          totalWeight += weights[i];
        }
      }
      double sum = 0;
      for (double gap : gaps) {
        sum += Math.abs(gap);
      }
      return sum / totalWeight;
    }
  }
}
