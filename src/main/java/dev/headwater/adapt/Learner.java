package dev.headwater.adapt;

import dev.headwater.adapt.align.Mixture;
import dev.headwater.adapt.align.SourceStatistics;
import dev.headwater.adapt.fit.Batch;
import dev.headwater.bundle.Kind;
import dev.headwater.gate.Gate;
import dev.headwater.gate.Judged;
import dev.headwater.gate.Trial;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Trains and evaluates candidates from samples, without a broker. It holds the live head and the
 * replay memory; {@link #train} turns them into the next head with its verdict, and changes
 * neither. Not thread-safe.
 */
final class Learner {
  /** Golden inputs per head: enough to detect transposed, truncated or mixed-up weights. */
  private static final int GOLDEN_SAMPLES = 8;

  /** The unlabelled memory holds at most this fraction (1/n) of the replay memory's capacity. */
  private static final int UNLABELLED_DIVISOR = 5;

  /** Golden tiles per dense head: tiles are large, and every pixel is compared. */
  private static final int GOLDEN_TILES = 2;

  private final Space spec;
  private final AdaptSettings settings;
  private final Gate gate;
  private final Fitter fitter;
  private final Clock clock;
  private final Supervision supervision;
  private final Memory memory;
  private final Unlabelled unlabelled;
  private final Trigger trigger;
  private final Evidence evidence = new Evidence();
  private final TrainedThrough readOffsets = TrainedThrough.nothing();
  private @Nullable Head liveHead;
  private boolean initialReadDone;
  private TrainedThrough trained = TrainedThrough.nothing();
  private Ensemble lastEnsemble = Ensemble.NONE;
  private Ensemble liveEnsemble = Ensemble.NONE;

  /** Number of samples the last candidate was evaluated on; 0 if it was accepted. */
  private int lastEvaluationSize;

  /** New records since the last training. The memory size does not show them once it is full. */
  private int newSinceTraining;

  /**
   * An ensemble mean and its members. The mean is better than any member, but the gate evaluates a
   * candidate by its members only. So the live head is also evaluated by its members, where they
   * are known and have the same step size.
   */
  private record Ensemble(
      Map<String, Tensor> tensors, List<Fitter.Trained> members, double stepSize) {
    static final Ensemble NONE = new Ensemble(Map.of(), List.of(), 1);
  }

  Learner(Space spec, AdaptSettings settings, Gate gate, Fitter fitter, Clock clock) {
    this.spec = spec;
    this.settings = settings;
    this.gate = gate;
    this.fitter = fitter;
    this.clock = clock;
    this.supervision = Supervision.of(spec.kind());
    this.memory =
        new Memory(
            spec.kind(),
            spec.dense().map(d -> d.capacity(settings.memory())).orElse(settings.memory()));
    this.unlabelled =
        new Unlabelled(spec.trainsOnUnlabelled() ? settings.memory() / UNLABELLED_DIVISOR : 0);
    this.trigger = new Trigger(settings, clock);
  }

  /** Sets the live head: training starts from it and the gate compares candidates with it. */
  void live(Head head) {
    liveHead = head;
    trained = TrainedThrough.of(head.info());
    trained = initialReadDone ? trained.within(readOffsets) : trained;
    lastEvaluationSize = 0;
    liveEnsemble = lastEnsemble.tensors().equals(head.tensors()) ? lastEnsemble : Ensemble.NONE;
    evidence.restart();
  }

  /**
   * Marks the end of the initial read of the samples topic.
   *
   * @param ends end offset of each partition, exclusive
   * @return false where the live head was trained on an earlier topic of that name
   */
  boolean caughtUp(Map<Integer, Long> ends) {
    ends.forEach(readOffsets::advanceTo);
    initialReadDone = true;
    TrainedThrough before = trained;
    trained = before.within(readOffsets);
    return trained.isOf(before);
  }

  /**
   * Adds a sample. Ignores samples of another task or feature space, and those with a label that
   * cannot be learned.
   *
   * @return whether the sample brings a new or changed label; false for unlabelled samples
   */
  boolean add(Sample sample, int partition, long offset) {
    readOffsets.advance(partition, offset);
    if (sample.getReason() == Reason.UNLABELLED && spec.concerns(sample)) {
      unlabelled.put(sample);
    }
    if (!spec.admits(sample)) {
      return false;
    }
    Remembered remembered =
        Remembered.of(sample, partition, offset)
            .with(spec.dense().map(dense -> dense.truth(sample)).orElse(null));
    boolean newRecord = !memory.holds(sample.getRecordId());
    boolean labelChanged = memory.put(remembered);
    if (labelChanged && !trained.covers(remembered)) {
      trigger.sampled(sample.getRows());
      newSinceTraining += newRecord ? 1 : 0;
    }
    return labelChanged;
  }

  /** Applies label aliases to the memory and all later samples. */
  void relabel(LabelAliases aliases) {
    memory.relabel(aliases);
  }

  /** Erases a record: no later head is trained on it. */
  void erase(String recordId) {
    memory.erase(recordId);
    unlabelled.erase(recordId);
  }

  /** Records a drift alarm: the next sample triggers training. */
  void drifted(String cause) {
    trigger.drifted(cause);
    evidence.drifted();
  }

  /** Returns whether the sample is a single vector of this task and feature space. */
  boolean concerns(Sample sample) {
    return spec.concerns(sample);
  }

  int memorySize() {
    return memory.size();
  }

  /** Returns all samples in memory, in order of arrival. */
  List<Remembered> samples() {
    return memory.samples();
  }

  /** Returns the samples that the live head was not trained on. */
  List<Remembered> unseen() {
    return memory.samples().stream().filter(sample -> !trained.covers(sample)).toList();
  }

  /** Returns what triggers training now; empty while the gate would reject any candidate. */
  Optional<String> due() {
    return trigger
        .due(rows(memory.samples()), this::hasEnoughNewSamples)
        .filter(cause -> trainable());
  }

  /** After a rejection, waits for a quarter more samples, but not more than a trigger needs. */
  private boolean hasEnoughNewSamples() {
    return newSinceTraining >= Math.min(settings.samples(), lastEvaluationSize / 4);
  }

  private int rows(List<Remembered> samples) {
    long values = samples.stream().mapToLong(sample -> sample.features().length).sum();
    return Math.toIntExact(values / spec.size());
  }

  private boolean trainable() {
    return unseen().size() >= gate.trials()
        && distinctLabels() >= supervision.leastLabels()
        && hasLabels();
  }

  /** Returns whether a head would have any label; multi-label samples may all be empty. */
  boolean hasLabels() {
    return !labels(memory.samples()).isEmpty();
  }

  /** Returns the number of labels in memory. Labels that only the live head knows do not count. */
  private long distinctLabels() {
    return memory.samples().stream().map(Remembered::label).distinct().count();
  }

  /**
   * Trains and evaluates the next head. Afterwards no sample counts as new, whatever the verdict.
   *
   * @throws java.util.concurrent.CancellationException if the fine-tuner was cancelled
   */
  Head train(String cause, long version) {
    trigger.reset();
    List<Remembered> samples = memory.samples();
    int[] unseen =
        IntStream.range(0, samples.size()).filter(i -> !trained.covers(samples.get(i))).toArray();
    lastEvaluationSize = unseen.length;
    newSinceTraining = 0;
    return train(cause, version, samples, evidence.ofLate(samples, unseen));
  }

  /** As {@link #train(String, long)}, but evaluates on all samples: no head has seen any yet. */
  Head trainFirst(String cause, long version) {
    List<Remembered> samples = memory.samples();
    return train(cause, version, samples, IntStream.range(0, samples.size()).toArray());
  }

  private Head train(String cause, long version, List<Remembered> samples, int[] evaluated) {
    List<String> labels = labels(samples);
    Supervision standardised = supervision.over(samples);
    Fitter.Trained start =
        standardised.scaled(liveHead == null ? fitter.empty() : fitter.of(liveHead));
    Batch batch = batch(standardised, samples, labels);
    int[] heldOut = heldOut(samples.size(), evaluated);
    CrossFit fit =
        CrossFit.of(
            fitter,
            start,
            labels.size(),
            batch,
            fitter.learnsUnlabelled() || liveHead != null ? unlabelled.besides(samples) : List.of(),
            heldOut,
            fitter.folds(settings.folds()));
    List<Remembered> scored = Arrays.stream(fit.judged()).mapToObj(samples::get).toList();
    double temperature =
        spec.dense().isPresent()
            ? 1
            : standardised.temperature(scored, fit.logits(), batch, fit.judged());
    Set<Integer> unseen = Arrays.stream(evaluated).boxed().collect(Collectors.toSet());
    Verdict verdict =
        gate.judge(judged(standardised, start, fit, unseen, samples, labels, temperature));
    UnaryOperator<Fitter.Trained> rescale =
        head -> head.scaled(standardised.spread() / temperature, standardised.mean());
    Fitter.Trained candidate = rescale.apply(fit.head());
    if (verdict.accepted() && fitter.shipsFolds(start)) {
      List<Fitter.Trained> heads = fit.folds().heads().stream().map(rescale).toList();
      lastEnsemble = new Ensemble(candidate.tensors(), heads, fit.folds().way());
    }
    Map<String, Double> numbers = new TreeMap<>(verdict.numbers());
    numbers.putAll(standardised.figures(scored, fit.logits()));
    numbers.put("temperature", temperature);
    numbers.put("memory", (double) samples.size());
    numbers.putAll(readOffsets.numbers());
    HeadInfo info =
        new HeadInfo(
            spec.task(),
            version,
            liveHead == null ? 0 : liveHead.info().version(),
            labels,
            spec.backbone(),
            clock.instant(),
            cause,
            fitter.device(),
            verdict.with(numbers));
    return head(info, candidate, samples, source(batch, samples, labels.size()));
  }

  /** Returns the samples to hold out: the evaluated ones, plus the newest for intervals. */
  private int[] heldOut(int samples, int[] evaluated) {
    int newest = Math.max(0, samples - supervision.leftOutAtLeast());
    return IntStream.concat(Arrays.stream(evaluated), IntStream.range(newest, samples))
        .distinct()
        .sorted()
        .toArray();
  }

  /** Returns the labels of the live head, then new labels in order of arrival. */
  private List<String> labels(List<Remembered> samples) {
    Map<String, Boolean> labels = new LinkedHashMap<>();
    List<String> known = liveHead == null ? spec.labels() : liveHead.info().labels();
    known.forEach(label -> labels.put(label, true));
    if (spec.dense().isEmpty()) {
      for (Remembered sample : samples) {
        spec.kind().names(sample.label()).forEach(label -> labels.put(label, true));
      }
    }
    return List.copyOf(labels.keySet());
  }

  private Batch batch(Supervision standardised, List<Remembered> samples, List<String> labels) {
    return spec.dense().isPresent()
        ? spec.dense().get().batch(samples, labels.size(), settings.balance())
        : standardised.batch(samples, labels, settings.balance());
  }

  private Judged judged(
      Supervision standardised,
      Fitter.Trained start,
      CrossFit fit,
      Set<Integer> unseen,
      List<Remembered> samples,
      List<String> labels,
      double temperature) {
    List<Remembered> evaluated = new ArrayList<>();
    List<float[]> after = new ArrayList<>();
    for (int i = 0; i < fit.judged().length; i++) {
      if (unseen.contains(fit.judged()[i])) {
        evaluated.add(samples.get(fit.judged()[i]));
        after.add(atTemperature(fit.logits().get(i), temperature));
      }
    }
    List<float[]> before =
        liveHead != null
            ? CrossFit.inTurn(
                hasSameStepSize(fit)
                    ? liveEnsemble.members().stream().map(standardised::scaled).toList()
                    : List.of(start),
                evaluated.stream().map(Remembered::features).toList())
            : spec.dense().map(dense -> dense.constant(evaluated, labels.size())).orElse(List.of());
    List<Trial> trials = new ArrayList<>();
    if (spec.dense().isPresent()) {
      for (int i = 0; i < evaluated.size(); i++) {
        trials.add(
            spec.dense().get().trial(evaluated.get(i), before.get(i), after.get(i), labels.size()));
      }
      Set<String> one = Set.of(Dense.LABEL);
      return new Judged(trials, one, one, fit.head().finite());
    }
    for (int i = 0; i < evaluated.size(); i++) {
      Supervision.HeadOutput liveOutput =
          liveHead == null
              ? null
              : new Supervision.HeadOutput(liveHead.info().labels(), before.get(i));
      trials.add(
          standardised.trial(
              evaluated.get(i), liveOutput, new Supervision.HeadOutput(labels, after.get(i))));
    }
    boolean constant = liveHead == null && spec.kind() instanceof Kind.OneLabel;
    List<String> known = liveHead == null ? labels : liveHead.info().labels();
    return new Judged(
        trials,
        constant ? Set.of() : new HashSet<>(known),
        new HashSet<>(labels),
        fit.head().finite());
  }

  private boolean hasSameStepSize(CrossFit fit) {
    return !liveEnsemble.members().isEmpty() && liveEnsemble.stepSize() == fit.folds().way();
  }

  private static float[] atTemperature(float[] logits, double temperature) {
    float[] scaled = logits.clone();
    for (int c = 0; c < scaled.length; c++) {
      scaled[c] /= (float) temperature;
    }
    return scaled;
  }

  static int best(float[] logits) {
    int best = 0;
    for (int c = 1; c < logits.length; c++) {
      best = logits[c] > logits[best] ? c : best;
    }
    return best;
  }

  /**
   * Returns the source statistics where alignment is enabled: they take up to twice the size of the
   * weights.
   */
  private Map<String, Tensor> source(Batch batch, List<Remembered> samples, int classes) {
    if (Realignment.fitter(settings, spec.kind(), fitter).isEmpty()) {
      return Map.of();
    }
    SourceStatistics source = SourceStatistics.of(batch, classes);
    // requested labels are not a uniform sample: only history shows the traffic's distribution,
    // else unlabelled samples provide it later
    return samples.stream().allMatch(sample -> sample.reason() == Reason.HISTORY)
        ? source.with(Mixture.of(batch, classes)).tensors()
        : source.tensors();
  }

  private Head head(
      HeadInfo info,
      Fitter.Trained candidate,
      List<Remembered> samples,
      Map<String, Tensor> source) {
    List<Remembered> golden =
        samples.subList(Math.max(0, samples.size() - GOLDEN_SAMPLES), samples.size());
    List<float[]> features =
        new Rows(spec.size()).of(golden.stream().map(Remembered::features).toList());
    if (spec.dense().isPresent()) {
      features = features.subList(0, Math.min(GOLDEN_TILES, features.size()));
    }
    List<float[]> logits = candidate.logits(features);
    return new Head(
        info,
        candidate.tensors(),
        Tensor.rows(features, spec.size()),
        Tensor.rows(logits, logits.isEmpty() ? info.labels().size() : logits.get(0).length),
        source);
  }
}
