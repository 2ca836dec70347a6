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
 * Heads for a task whose labels do not come, or no longer: from unlabelled samples, by {@link
 * Aligner}. Of labels that did come the gate is told. Linear heads of one label only. Not
 * thread-safe.
 */
final class Realignment {
  private static final int GOLDEN = 8;

  private final LinearFitter fitter;
  private final Gate gate;
  private final Clock clock;
  private final Supervision by = new LabelSupervision();
  private final Aligner aligner;
  private final Map<String, float[]> newest = new LinkedHashMap<>();
  private Head anchor;
  private LinearHead linear;

  /**
   * @param anchor the head that labels support
   * @param aligned the last one that was made of it
   */
  Realignment(LinearFitter fitter, Gate gate, Head anchor, Optional<Head> aligned, Clock clock) {
    this.fitter = fitter;
    this.gate = gate;
    this.clock = clock;
    this.anchor = anchor;
    this.linear = fitter.layout().linear(anchor);
    this.aligner = new Aligner(fitter.tuner(), linear, source(anchor, aligned, linear));
  }

  /** How a task's heads are fitted, if they are to be aligned and can be. */
  static Optional<LinearFitter> fitter(AdaptSettings settings, Kind kind, Fitter fitter) {
    return settings.alignUnlabelled()
            && kind instanceof Kind.OneLabel
            && fitter instanceof LinearFitter one
        ? Optional.of(one)
        : Optional.empty();
  }

  /** The newest head that was made of this one. */
  static Optional<Head> newest(HeadLog heads, HeadInfo anchor) {
    return heads.versions(anchor.task()).stream()
        .filter(info -> info.aligned() && info.parent() == anchor.version())
        .map(HeadInfo::version)
        .filter(version -> heads.hasTensors(anchor.task(), version))
        .max(Comparator.naturalOrder())
        .flatMap(version -> heads.sound(anchor.task(), version));
  }

  /** Starts over from another head. */
  void anchor(Head head, Optional<Head> aligned) {
    if (head.info().version() != anchor.info().version()) {
      anchor = head;
      linear = fitter.layout().linear(head);
      aligner.anchor(linear, source(head, aligned, linear));
    }
  }

  private static SourceStatistics source(Head head, Optional<Head> aligned, LinearHead linear) {
    SourceStatistics none = SourceStatistics.none(linear.classes(), linear.dim());
    SourceStatistics made = aligned.flatMap(a -> fitting(a, linear)).orElse(none);
    SourceStatistics own = fitting(head, linear).orElse(made);
    // labels that were asked for do not tell how traffic lay, what was made without labels does
    return own.mixture() == null && made.mixture() != null ? own.with(made.mixture()) : own;
  }

  private static Optional<SourceStatistics> fitting(Head head, LinearHead linear) {
    return SourceStatistics.of(head.source())
        .filter(s -> s.classes() == linear.classes() && s.dim() == linear.dim());
  }

  /** The head that labels support. */
  Head anchor() {
    return anchor;
  }

  /** A head that labels have made, with how traffic lies as it becomes the anchor. */
  Head witnessed(Head made) {
    LinearHead head = fitter.layout().linear(made);
    return fitting(made, head)
        .filter(known -> known.mixture() == null)
        .flatMap(known -> aligner.mixture(head).map(known::with))
        .map(known -> made.withSource(known.tensors()))
        .orElse(made);
  }

  /** Takes in a sample of the uniform draw, in the stream's order. */
  void take(Sample sample) {
    float[] features = SampleSerde.unpack(sample);
    aligner.add(sample.getRecordId(), features);
    newest.put(sample.getRecordId(), features);
    if (newest.size() > GOLDEN) {
      newest.remove(newest.keySet().iterator().next());
    }
  }

  /** Forgets a record: no later head is made of it, nor carries it. */
  void erase(String recordId) {
    aligner.erase(recordId);
    newest.remove(recordId);
  }

  /** A label has come. */
  void labelled() {
    aligner.labelled();
  }

  /**
   * Whether no label has come of late, and there is enough that the last alignment has not seen.
   */
  boolean due() {
    return aligner.due();
  }

  /**
   * A head that follows, and what clusters and labels say of it. Where it is refused, the anchor
   * should serve; where that is for no cause, it is no other head.
   *
   * @param labelled all that is in memory
   */
  Head align(long version, List<Remembered> labelled) {
    Alignment found = aligner.align();
    LinearHead head = found.head();
    Verdict verdict = found.verdict();
    if (verdict.accepted()) {
      verdict = heard(verdict, head, labelled);
    }
    Map<String, Double> numbers = new TreeMap<>(verdict.numbers());
    // how far training had read stays as it was: nothing was learnt from the labels since
    numbers.putAll(TrainedThrough.of(anchor.info()).numbers());
    HeadInfo before = anchor.info();
    HeadInfo info =
        new HeadInfo(
            before.task(),
            version,
            before.version(),
            before.labels(),
            before.backbone(),
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

  private Verdict heard(Verdict unlabelled, LinearHead candidate, List<Remembered> labelled) {
    TrainedThrough trained = TrainedThrough.of(anchor.info());
    List<Trial> fresh = new ArrayList<>();
    List<Trial> learnt = new ArrayList<>();
    for (Remembered sample : labelled) {
      (trained.covers(sample) ? learnt : fresh)
          .add(by.trial(sample, said(linear, sample), said(candidate, sample)));
    }
    return gate.hears(unlabelled, fresh, learnt);
  }

  private Supervision.Said said(LinearHead head, Remembered sample) {
    return new Supervision.Said(anchor.info().labels(), head.logits(sample.features()));
  }

  /** The verdict that takes an aligned head back; empty where it is not one of this anchor's. */
  Optional<Verdict> wayBack(Head live, Verdict why) {
    HeadInfo info = live.info();
    if (!info.aligned() || info.parent() != anchor.info().version()) {
      return Optional.empty();
    }
    Map<String, Double> numbers = new TreeMap<>(info.verdict().numbers());
    numbers.putAll(why.numbers());
    return Optional.of(
        new Verdict(false, "withdrawn: " + why.reason(), why.judged(), numbers, why.cause()));
  }
}
