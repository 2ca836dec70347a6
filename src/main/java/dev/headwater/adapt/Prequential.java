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
 * Accuracy (prequential: Dawid 1984; Gama et al. 2013) and expected calibration error (Naeini et
 * al. 2015) on the latest labelled samples as they come, before anything learns from them: of what
 * was told when they were scored, and of the parent of the head that is live, asked about the same
 * samples. Samples weigh 1 / inclusion probability, so that both are of the traffic.
 *
 * <p>A number is worth 1 - its {@link Kind#error}, and its calibration is how far the share of true
 * numbers within the interval is from what that promises. Masks do not travel with samples, so the
 * live head is asked about their tiles as well; a mask is worth the share of its pixels that are
 * right and as sure as they are on average, and beside that there is the IoU over all of them. Not
 * thread-safe.
 */
final class Prequential {
  private final String task;
  private final Kind kind;
  private final Optional<Dense> dense;
  private final Supervision by;
  private final Fitter fitter;
  private final TrainerMetrics metrics;
  private final Window served = new Window();
  private final Window before = new Window();
  private @Nullable HeadInfo live;
  private Fitter.@Nullable Trained liveAsked;
  private @Nullable HeadInfo parent;
  private Fitter.@Nullable Trained parentAsked;
  private LabelAliases aliases = LabelAliases.none("");

  /**
   * @param dense where the labels are masks
   */
  Prequential(
      String task, Kind kind, Optional<Dense> dense, Fitter fitter, TrainerMetrics metrics) {
    this.task = task;
    this.kind = kind;
    this.dense = dense;
    this.by = Supervision.of(kind);
    this.fitter = fitter;
    this.metrics = metrics;
  }

  /** Labels have other names from now on: what was said and what is true are compared by those. */
  void relabel(LabelAliases now) {
    aliases = now;
  }

  /** Another head is live. */
  void follow(Optional<Head> head, Optional<Head> itsParent) {
    live = head.map(Head::info).orElse(null);
    liveAsked = dense.flatMap(masks -> head).map(fitter::of).orElse(null);
    parent = itsParent.map(Head::info).orElse(null);
    parentAsked = itsParent.map(fitter::of).orElse(null);
  }

  /**
   * @param sample labelled, of this task, and not learnt from yet
   * @return how wrong what was said of it is, in [0, 1]: of a mask the share of its pixels, as the
   *     live head tells them; empty where none was live
   */
  Optional<Double> see(Sample sample) {
    if (dense.isPresent()) {
      Remembered masked = Remembered.of(sample, 0, -1).with(dense.get().truth(sample));
      painted(Side.PREVIOUS, before, parent, parentAsked, masked);
      return painted(Side.LIVE, served, live, liveAsked, masked).map(right -> 1 - right);
    }
    String predicted = sample.getPredicted();
    if (predicted == null) {
      return Optional.empty();
    }
    HeadInfo own = live != null && live.version() == sample.getHeadVersion() ? live : null;
    told(Side.LIVE, served, sample, new Scored(predicted, sample.getConfidence()), own);
    if (parent != null && parentAsked != null) {
      HeadInfo asked = parent;
      float[] logits = parentAsked.logits(List.of(SampleSerde.unpack(sample))).get(0);
      said(asked, logits).ifPresent(said -> told(Side.PREVIOUS, before, sample, said, asked));
    }
    return error(sample);
  }

  /** As {@link #see}, from the sample alone, which brings no mask that was said; counts nothing. */
  Optional<Double> error(Sample sample) {
    return Optional.ofNullable(sample.getPredicted())
        .flatMap(predicted -> error(predicted, sample.getLabel()));
  }

  /** Empty where either has been retired: nothing is right or wrong then. */
  private Optional<Double> error(String said, String truth) {
    Optional<String> known = kind.now(aliases, truth);
    return kind.now(aliases, said).flatMap(now -> known.map(label -> kind.error(now, label)));
  }

  private Optional<Scored> said(HeadInfo head, float[] logits) {
    if (kind instanceof Kind.Quantity quantity) {
      double value = quantity.value(KindAnswer.within(head, logits[0]));
      return Optional.of(new Scored(Double.toString(value), 0));
    }
    return by.answer(new Supervision.Said(head.labels(), logits));
  }

  /**
   * @param by the head that said it, null where it is not known any more
   */
  private void told(Side side, Window window, Sample sample, Scored said, @Nullable HeadInfo by) {
    Optional<Double> judged = error(said.label(), sample.getLabel());
    if (judged.isEmpty()) {
      return;
    }
    double error = judged.get();
    if (kind instanceof Kind.Quantity quantity) {
      Double half = by == null ? null : by.verdict().numbers().get(KindAnswer.HALF_WIDTH);
      double off = quantity.onScale(said.label()) - quantity.onScale(sample.getLabel());
      boolean within = half != null && Math.abs(off) <= half;
      double promised = half == null ? Double.NaN : Estimate.COVERAGE;
      window.add(sample.getWeight(), 1 - error, promised, within ? 1 : 0);
    } else {
      double right = error == 0 ? 1 : 0;
      window.add(sample.getWeight(), right, said.confidence(), right);
    }
    tell(side, window);
  }

  /** Returns the share of the pixels that the head tells right; empty where there is no head. */
  private Optional<Double> painted(
      Side side,
      Window window,
      @Nullable HeadInfo head,
      Fitter.@Nullable Trained asked,
      Remembered sample) {
    if (head == null || asked == null || sample.truth() == null) {
      return Optional.empty();
    }
    Dense masks = dense.orElseThrow();
    int classes = head.labels().size();
    float[] logits = asked.logits(List.of(sample.features())).get(0);
    Dense.Found found = masks.found(sample, logits, classes);
    double right = found.right();
    window.add(sample.weight(), right, masks.confidence(sample, logits, classes), right);
    window.overlaps(found.intersection(), found.union());
    tell(side, window);
    metrics.overlap(task, side, window.iou());
    return Optional.of(right);
  }

  private void tell(Side side, Window window) {
    metrics.prequential(task, side, window.accuracy(), window.calibrationError());
  }

  /** The latest answers. */
  static final class Window {
    static final int SIZE = 500;
    private static final int BINS = 10;

    private final double[] weights = new double[SIZE];
    private final double[] gained = new double[SIZE];
    private final double[] intersections = new double[SIZE];
    private final double[] unions = new double[SIZE];
    private final double[] confidences = new double[SIZE];
    private final double[] right = new double[SIZE];
    private int seen;

    /**
     * @param gain what the answer is worth, in [0, 1]
     * @param confidence NaN where it is not known
     * @param share in [0, 1] of what was said with that confidence that was right
     */
    void add(double weight, double gain, double confidence, double share) {
      int at = seen++ % SIZE;
      weights[at] = weight;
      gained[at] = gain;
      confidences[at] = confidence;
      right[at] = share;
    }

    /** What the mask that was added last adds to these. */
    void overlaps(double intersection, double union) {
      int at = (seen - 1) % SIZE;
      intersections[at] = intersection;
      unions[at] = union;
    }

    /** NaN before the first. */
    double accuracy() {
      return weighted(gained) / Arrays.stream(weights).sum();
    }

    /** NaN before the first pixel of a foreground. */
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

    /** How far confidence is from what is right, by tenths of it; NaN before the first. */
    double calibrationError() {
      double[] off = new double[BINS];
      double all = 0;
      for (int i = 0; i < Math.min(seen, SIZE); i++) {
        if (!Double.isNaN(confidences[i])) {
          int bin = (int) Math.max(0, Math.min(BINS - 1, confidences[i] * BINS));
          off[bin] += weights[i] * (right[i] - confidences[i]);
          all += weights[i];
        }
      }
      double sum = 0;
      for (double bin : off) {
        sum += Math.abs(bin);
      }
      return sum / all;
    }
  }
}
