package dev.headwater.adapt;

import dev.headwater.adapt.align.Aligner;
import dev.headwater.adapt.align.Alignment;
import dev.headwater.adapt.align.SourceStatistics;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Kind;
import dev.headwater.gate.Gate;
import dev.headwater.gate.Trial;
import dev.headwater.heads.HeadLog;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Adapts the head of a task from unlabelled samples while no labels arrive, with {@link Aligner}.
 * The gate checks each result against the labels in memory. Supports linear single-label heads
 * only. Not thread-safe.
 */
final class Realignment {
  private static final int GOLDEN_SAMPLES = 8;

  private final LinearFitter fitter;
  private final Gate gate;
  private final Clock clock;
  private final Supervision supervision = new LabelSupervision();
  private final Aligner aligner;
  private final Map<String, float[]> newest = new LinkedHashMap<>();
  private Head anchor;
  private LinearHead linear;

  /**
   * @param anchor the last head trained on labels
   * @param aligned the newest head aligned from it
   */
  Realignment(LinearFitter fitter, Gate gate, Head anchor, Optional<Head> aligned, Clock clock) {
    this.fitter = fitter;
    this.gate = gate;
    this.clock = clock;
    this.anchor = anchor;
    this.linear = fitter.layout().linear(anchor);
    this.aligner = new Aligner(fitter.tuner(), linear, source(anchor, aligned, linear));
  }

  /** Returns the task's fitter where alignment is enabled and supported. */
  static Optional<LinearFitter> fitter(AdaptSettings settings, Kind kind, Fitter fitter) {
    return settings.alignUnlabelled()
            && kind instanceof Kind.OneLabel
            && fitter instanceof LinearFitter one
        ? Optional.of(one)
        : Optional.empty();
  }

  /** Returns the newest head that was aligned from {@code anchor}. */
  static Optional<Head> newest(HeadLog heads, HeadInfo anchor) {
    return heads.versions(anchor.task()).stream()
        .filter(info -> info.aligned() && info.parent() == anchor.version())
        .map(HeadInfo::version)
        .filter(version -> heads.hasTensors(anchor.task(), version))
        .max(Comparator.naturalOrder())
        .flatMap(version -> heads.sound(anchor.task(), version));
  }

  /** Starts over from another anchor. */
  void anchor(Head head, Optional<Head> aligned) {
    if (head.info().version() != anchor.info().version()) {
      anchor = head;
      linear = fitter.layout().linear(head);
      aligner.anchor(linear, source(head, aligned, linear));
    }
  }

  private static SourceStatistics source(Head head, Optional<Head> aligned, LinearHead linear) {
    SourceStatistics none = SourceStatistics.none(linear.classes(), linear.dim());
    SourceStatistics ofAligned = aligned.flatMap(a -> matching(a, linear)).orElse(none);
    SourceStatistics own = matching(head, linear).orElse(ofAligned);
    // requested labels do not show the distribution of the traffic, unlabelled samples do
    return own.mixture() == null && ofAligned.mixture() != null
        ? own.with(ofAligned.mixture())
        : own;
  }

  private static Optional<SourceStatistics> matching(Head head, LinearHead linear) {
    return SourceStatistics.of(head.source())
        .filter(s -> s.classes() == linear.classes() && s.dim() == linear.dim());
  }

  /** Returns the last head trained on labels. */
  Head anchor() {
    return anchor;
  }

  /** Adds the current feature distribution to a head trained on labels: it becomes the anchor. */
  Head witnessed(Head trained) {
    LinearHead head = fitter.layout().linear(trained);
    return matching(trained, head)
        .filter(known -> known.mixture() == null)
        .flatMap(known -> aligner.mixture(head).map(known::with))
        .map(known -> trained.withSource(known.tensors()))
        .orElse(trained);
  }

  /** Adds a uniformly sampled unlabelled record, in stream order. */
  void take(Sample sample) {
    float[] features = SampleSerde.unpack(sample);
    aligner.add(sample.getRecordId(), features);
    newest.put(sample.getRecordId(), features);
    if (newest.size() > GOLDEN_SAMPLES) {
      newest.remove(newest.keySet().iterator().next());
    }
  }

  /** Erases a record: no later head is aligned with it or carries it. */
  void erase(String recordId) {
    aligner.erase(recordId);
    newest.remove(recordId);
  }

  /** Records that a label has arrived. */
  void labelled() {
    aligner.labelled();
  }

  /**
   * Returns whether no label has arrived recently and there are enough samples since the last
   * alignment.
   */
  boolean due() {
    return aligner.due();
  }

  /**
   * Aligns the anchor with the current stream. The verdict is based on clusters and labels. Where
   * the head is rejected, the anchor should serve. A rejection without a cause means that the head
   * equals the anchor.
   *
   * @param labelled all samples in memory
   */
  Head align(long version, List<Remembered> labelled) {
    Alignment found = aligner.align();
    LinearHead head = found.head();
    Verdict verdict = found.verdict();
    if (verdict.accepted()) {
      verdict = checkWithLabels(verdict, head, labelled);
    }
    Map<String, Double> numbers = new TreeMap<>(verdict.numbers());
    // the trained offsets stay those of the anchor: alignment does not train on labels
    numbers.putAll(TrainedThrough.of(anchor.info()).numbers());
    HeadInfo parent = anchor.info();
    HeadInfo info =
        new HeadInfo(
            parent.task(),
            version,
            parent.version(),
            parent.labels(),
            parent.backbone(),
            clock.instant(),
            HeadInfo.ALIGNED,
            fitter.device(),
            verdict.with(numbers));
    List<float[]> golden = List.copyOf(newest.values());
    List<float[]> logits = golden.stream().map(head::logits).toList();
    return new Head(
        info,
        fitter.layout().tensors(head),
        Tensor.rows(golden, head.dim()),
        Tensor.rows(logits, head.classes()),
        found.source().tensors());
  }

  private Verdict checkWithLabels(
      Verdict verdict, LinearHead candidate, List<Remembered> labelled) {
    TrainedThrough trained = TrainedThrough.of(anchor.info());
    List<Trial> unseen = new ArrayList<>();
    List<Trial> seen = new ArrayList<>();
    for (Remembered sample : labelled) {
      (trained.covers(sample) ? seen : unseen)
          .add(supervision.trial(sample, output(linear, sample), output(candidate, sample)));
    }
    return gate.hears(verdict, unseen, seen);
  }

  private Supervision.HeadOutput output(LinearHead head, Remembered sample) {
    return new Supervision.HeadOutput(anchor.info().labels(), head.logits(sample.features()));
  }

  /** Returns the verdict to withdraw the live head; empty if it was not aligned from the anchor. */
  Optional<Verdict> wayBack(Head live, Verdict rejection) {
    HeadInfo info = live.info();
    if (!info.aligned() || info.parent() != anchor.info().version()) {
      return Optional.empty();
    }
    Map<String, Double> numbers = new TreeMap<>(info.verdict().numbers());
    numbers.putAll(rejection.numbers());
    return Optional.of(
        new Verdict(
            false,
            "withdrawn: " + rejection.reason(),
            rejection.judged(),
            numbers,
            rejection.cause()));
  }
}
