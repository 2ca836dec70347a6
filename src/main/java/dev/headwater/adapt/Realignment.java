package dev.headwater.adapt;

import dev.headwater.adapt.align.Aligner;
import dev.headwater.adapt.align.Alignment;
import dev.headwater.adapt.align.SourceStatistics;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Tensor;
import java.time.Clock;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Heads for a task whose labels do not come: from unlabelled samples, by {@link Aligner}. It says
 * nothing of heads that labels support; whoever has labels must not ask it. Linear heads only. Not
 * thread-safe.
 */
final class Realignment {
  /** What the heads it makes give as the cause of their training. */
  static final String TRIGGER = "alignment";

  private static final int GOLDEN = 8;

  private final HeadLayout layout;
  private final FineTuner tuner;
  private final Clock clock;
  private final Aligner aligner;
  private final Deque<float[]> newest = new ArrayDeque<>();
  private Head anchor;

  /**
   * @param anchor the head that labels support
   */
  Realignment(LinearFitter fitter, Head anchor, Clock clock) {
    this.layout = fitter.layout();
    this.tuner = fitter.tuner();
    this.clock = clock;
    this.anchor = anchor;
    LinearHead head = layout.linear(anchor);
    this.aligner = new Aligner(tuner, head, source(anchor, head));
  }

  /** Starts over from another head. */
  void anchor(Head head) {
    anchor = head;
    LinearHead linear = layout.linear(head);
    aligner.anchor(linear, source(head, linear));
  }

  private static SourceStatistics source(Head head, LinearHead linear) {
    return SourceStatistics.of(head.source())
        .filter(s -> s.classes() == linear.classes() && s.dim() == linear.dim())
        .orElseGet(() -> SourceStatistics.none(linear.classes(), linear.dim()));
  }

  /** The version that labels support. */
  long anchorVersion() {
    return anchor.info().version();
  }

  /** Takes in a sample of the uniform draw, in the stream's order. */
  void take(Sample sample) {
    float[] features = SampleSerde.unpack(sample);
    aligner.add(features);
    newest.addLast(features);
    if (newest.size() > GOLDEN) {
      newest.removeFirst();
    }
  }

  /** Whether there is enough that the last alignment has not seen. */
  boolean due() {
    return aligner.due();
  }

  /** A head that follows, or empty where the anchor should serve. */
  Optional<Head> align(long version, TrainedThrough read) {
    Alignment found = aligner.align();
    if (!found.verdict().accepted()) {
      return Optional.empty();
    }
    LinearHead head = found.head();
    Map<String, Double> numbers = new TreeMap<>(found.verdict().numbers());
    numbers.putAll(read.numbers());
    HeadInfo before = anchor.info();
    HeadInfo info =
        new HeadInfo(
            before.task(),
            version,
            before.version(),
            before.labels(),
            before.backbone(),
            clock.instant(),
            TRIGGER,
            tuner.device(),
            found.verdict().with(numbers));
    List<float[]> golden = List.copyOf(newest);
    List<float[]> logits = golden.stream().map(head::logits).toList();
    return Optional.of(
        new Head(
            info,
            layout.tensors(head),
            Tensor.rows(golden, head.dim()),
            Tensor.rows(logits, head.classes()),
            found.source().tensors()));
  }
}
