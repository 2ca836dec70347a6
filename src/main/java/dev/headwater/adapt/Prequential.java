package dev.headwater.adapt;

import dev.headwater.bundle.Kind;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.metrics.TrainerMetrics.Side;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Accuracy (prequential: Dawid 1984; Gama et al. 2013) and expected calibration error (Naeini et
 * al. 2015) on the latest labelled samples as they come, before anything learns from them: of what
 * was told when they were scored, and of the parent of the head that is live, asked about the same
 * samples. Samples weigh 1 / inclusion probability, so that both are of the traffic. Nothing is
 * told of tasks whose answers are not right or wrong: numbers and masks. Not thread-safe.
 */
final class Prequential {
  private final String task;
  private final Kind kind;
  private final Supervision by;
  private final Fitter fitter;
  private final TrainerMetrics metrics;
  private final Window live = new Window();
  private final Window previous = new Window();
  private @Nullable HeadInfo parent;
  private Fitter.@Nullable Trained asked;

  Prequential(String task, Kind kind, Fitter fitter, TrainerMetrics metrics) {
    this.task = task;
    this.kind = kind;
    this.by = Supervision.of(kind);
    this.fitter = fitter;
    this.metrics = metrics;
  }

  /** Another head is live, and this is its parent. */
  void previous(Optional<Head> head) {
    parent = head.map(Head::info).orElse(null);
    asked = head.map(fitter::of).orElse(null);
  }

  /**
   * @param sample labelled, of this task, and not learnt from yet
   */
  void see(Sample sample) {
    String predicted = sample.getPredicted();
    if (predicted == null || kind instanceof Kind.Quantity) {
      return;
    }
    String truth = sample.getLabel();
    live.add(sample.getWeight(), sample.getConfidence(), kind.error(predicted, truth) == 0);
    tell(Side.LIVE, live);
    if (parent != null && asked != null) {
      float[] logits = asked.logits(List.of(SampleSerde.unpack(sample))).get(0);
      by.answer(new Supervision.Said(parent.labels(), logits))
          .ifPresent(
              said -> {
                boolean right = kind.error(said.label(), truth) == 0;
                previous.add(sample.getWeight(), said.confidence(), right);
                tell(Side.PREVIOUS, previous);
              });
    }
  }

  private void tell(Side side, Window window) {
    metrics.prequential(task, side, window.accuracy(), window.calibrationError());
  }

  /** The latest answers. */
  static final class Window {
    static final int SIZE = 500;
    private static final int BINS = 10;

    private final double[] weights = new double[SIZE];
    private final double[] confidences = new double[SIZE];
    private final boolean[] right = new boolean[SIZE];
    private int seen;

    void add(double weight, double confidence, boolean isRight) {
      int at = seen++ % SIZE;
      weights[at] = weight;
      confidences[at] = confidence;
      right[at] = isRight;
    }

    /** NaN before the first. */
    double accuracy() {
      double hits = 0;
      double all = 0;
      for (int i = 0; i < Math.min(seen, SIZE); i++) {
        hits += right[i] ? weights[i] : 0;
        all += weights[i];
      }
      return hits / all;
    }

    /** How far confidence is from accuracy, by tenths of confidence; NaN before the first. */
    double calibrationError() {
      double[] off = new double[BINS];
      double all = 0;
      for (int i = 0; i < Math.min(seen, SIZE); i++) {
        int bin = (int) Math.max(0, Math.min(BINS - 1, confidences[i] * BINS));
        off[bin] += weights[i] * ((right[i] ? 1 : 0) - confidences[i]);
        all += weights[i];
      }
      double sum = 0;
      for (double bin : off) {
        sum += Math.abs(bin);
      }
      return sum / all;
    }
  }
}
