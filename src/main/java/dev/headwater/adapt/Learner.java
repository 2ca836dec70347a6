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
 * From samples to judged candidates, without a broker. It knows the live head and a memory; {@link
 * #train} turns them into the next head with its verdict, and changes neither. Not thread-safe.
 */
final class Learner {
  /** Enough to catch a head that was transposed, cut or mixed up on its way. */
  private static final int GOLDEN = 8;

  /** Of the memory's samples: what teaches by the way has no more room than this. */
  private static final int OF_MEMORY = 5;

  /** Tiles are large, and each of their pixels is compared. */
  private static final int GOLDEN_TILES = 2;

  private final Space space;
  private final AdaptSettings settings;
  private final Gate gate;
  private final Fitter fitter;
  private final Clock clock;
  private final Supervision supervision;
  private final Memory memory;
  private final Unlabelled unlabelled;
  private final Trigger trigger;
  private final Evidence evidence = new Evidence();
  private final TrainedThrough read = TrainedThrough.nothing();
  private @Nullable Head live;
  private boolean caughtUp;
  private TrainedThrough trained = TrainedThrough.nothing();
  private Mean made = Mean.NONE;
  private Mean parts = Mean.NONE;

  /** How many samples could judge the last candidate, if it was refused. */
  private int refusedOn;

  /** How many have come since; not what memory has more, which may be full. */
  private int cameSince;

  /**
   * A head that ships, and those it is the mean of. That is better than any of them, and they are
   * all that the gate hears of a candidate; so of the live head it hears the like, where it is the
   * newest that was accepted here and went as far.
   */
  private record Mean(Map<String, Tensor> tensors, List<Fitter.Trained> parts, double way) {
    static final Mean NONE = new Mean(Map.of(), List.of(), 1);
  }

  Learner(Space space, AdaptSettings settings, Gate gate, Fitter fitter, Clock clock) {
    this.space = space;
    this.settings = settings;
    this.gate = gate;
    this.fitter = fitter;
    this.clock = clock;
    this.supervision = Supervision.of(space.kind());
    this.memory =
        new Memory(
            space.kind(),
            space.dense().map(d -> d.capacity(settings.memory())).orElse(settings.memory()));
    this.unlabelled = new Unlabelled(space.drawsTeach() ? settings.memory() / OF_MEMORY : 0);
    this.trigger = new Trigger(settings, clock);
  }

  /** The head to start from, stay near and be judged against. */
  void live(Head head) {
    live = head;
    trained = TrainedThrough.of(head.info());
    trained = caughtUp ? trained.within(read) : trained;
    refusedOn = 0;
    parts = made.tensors().equals(head.tensors()) ? made : Mean.NONE;
    evidence.restart();
  }

  /**
   * All that was on the topic has been taken in.
   *
   * @param ends of its partitions, exclusive
   * @return false where the live head was trained on another topic of that name
   */
  boolean caughtUp(Map<Integer, Long> ends) {
    ends.forEach(read::advanceTo);
    caughtUp = true;
    TrainedThrough before = trained;
    trained = before.within(read);
    return trained.isOf(before);
  }

  /**
   * Takes in a sample. Those of another task or feature space, or with a label that may not be
   * learned, are none of this learner's. Those without one say nothing new by themselves.
   *
   * @return whether it says anything new
   */
  boolean add(Sample sample, int partition, long offset) {
    read.advance(partition, offset);
    if (sample.getReason() == Reason.UNLABELLED && space.concerns(sample)) {
      unlabelled.put(sample);
    }
    if (!space.admits(sample)) {
      return false;
    }
    Remembered remembered =
        Remembered.of(sample, partition, offset)
            .with(space.dense().map(dense -> dense.truth(sample)).orElse(null));
    boolean another = !memory.holds(sample.getRecordId());
    boolean news = memory.put(remembered);
    if (news && !trained.covers(remembered)) {
      trigger.sampled(sample.getRows());
      cameSince += another ? 1 : 0;
    }
    return news;
  }

  /** Labels have other names from now on. */
  void relabel(LabelAliases aliases) {
    memory.relabel(aliases);
  }

  /** Forgets a record: no later head learns from it. */
  void erase(String recordId) {
    memory.erase(recordId);
    unlabelled.erase(recordId);
  }

  /** Something has changed: the next sample is worth a training. */
  void drifted(String cause) {
    trigger.drifted(cause);
    evidence.drifted();
  }

  /** Whether the sample is one vector for a record of this task and its feature space. */
  boolean concerns(Sample sample) {
    return space.concerns(sample);
  }

  int memorySize() {
    return memory.size();
  }

  /** All of the memory, in the order it came. */
  List<Remembered> samples() {
    return memory.samples();
  }

  /** What the live head did not train on, and may be judged by. */
  List<Remembered> unseen() {
    return memory.samples().stream().filter(sample -> !trained.covers(sample)).toList();
  }

  /** What sets off a training now; nothing while the gate could only refuse what it would make. */
  Optional<String> due() {
    return trigger.due(rows(memory.samples()), this::hasMoreToSay).filter(cause -> trainable());
  }

  /** A gate that refused is asked again when a quarter more has come, or as much as ever. */
  private boolean hasMoreToSay() {
    return cameSince >= Math.min(settings.samples(), refusedOn / 4);
  }

  private int rows(List<Remembered> samples) {
    long values = samples.stream().mapToLong(sample -> sample.features().length).sum();
    return Math.toIntExact(values / space.size());
  }

  private boolean trainable() {
    return unseen().size() >= gate.trials() && told() >= supervision.leastLabels() && hasLabels();
  }

  /** Whether a head would have anything to tell: of several labels, none may have come yet. */
  boolean hasLabels() {
    return !labels(memory.samples()).isEmpty();
  }

  /** How many labels the memory has samples of; what the live head knows teaches nothing. */
  private long told() {
    return memory.samples().stream().map(Remembered::label).distinct().count();
  }

  /**
   * Trains and judges the next head. Whatever its verdict, the samples so far are no longer new.
   *
   * @throws java.util.concurrent.CancellationException where the fine-tuner was cancelled
   */
  Head train(String cause, long version) {
    trigger.reset();
    List<Remembered> samples = memory.samples();
    int[] unseen =
        IntStream.range(0, samples.size()).filter(i -> !trained.covers(samples.get(i))).toArray();
    refusedOn = unseen.length;
    cameSince = 0;
    return train(cause, version, samples, evidence.ofLate(samples, unseen));
  }

  /** As {@link #train(String, long)}, judging on everything: no head has seen any of it. */
  Head trainFirst(String cause, long version) {
    List<Remembered> samples = memory.samples();
    return train(cause, version, samples, IntStream.range(0, samples.size()).toArray());
  }

  private Head train(String cause, long version, List<Remembered> samples, int[] judged) {
    List<String> labels = labels(samples);
    Supervision by = supervision.over(samples);
    Fitter.Trained start = by.scaled(live == null ? fitter.empty() : fitter.of(live));
    Batch batch = batch(by, samples, labels);
    int[] leftOut = leftOut(samples.size(), judged);
    CrossFit fit =
        CrossFit.of(
            fitter,
            start,
            labels.size(),
            batch,
            fitter.learnsUnlabelled() || live != null ? unlabelled.besides(samples) : List.of(),
            leftOut,
            fitter.folds(settings.folds()));
    List<Remembered> told = Arrays.stream(fit.judged()).mapToObj(samples::get).toList();
    double temperature =
        space.dense().isPresent() ? 1 : by.temperature(told, fit.logits(), batch, fit.judged());
    Set<Integer> unseen = Arrays.stream(judged).boxed().collect(Collectors.toSet());
    Verdict verdict = gate.judge(judged(by, start, fit, unseen, samples, labels, temperature));
    UnaryOperator<Fitter.Trained> served =
        head -> head.scaled(by.spread() / temperature, by.mean());
    Fitter.Trained candidate = served.apply(fit.head());
    if (verdict.accepted() && fitter.shipsFolds(start)) {
      List<Fitter.Trained> heads = fit.folds().heads().stream().map(served).toList();
      made = new Mean(candidate.tensors(), heads, fit.folds().way());
    }
    Map<String, Double> numbers = new TreeMap<>(verdict.numbers());
    numbers.putAll(by.figures(told, fit.logits()));
    numbers.put("temperature", temperature);
    numbers.put("memory", (double) samples.size());
    numbers.putAll(read.numbers());
    HeadInfo info =
        new HeadInfo(
            space.task(),
            version,
            live == null ? 0 : live.info().version(),
            labels,
            space.backbone(),
            clock.instant(),
            cause,
            fitter.device(),
            verdict.with(numbers));
    return head(info, candidate, samples, source(batch, samples, labels.size()));
  }

  /** What is judged, and the newest samples where the kind of label wants them. */
  private int[] leftOut(int samples, int[] judged) {
    int newest = Math.max(0, samples - supervision.leftOutAtLeast());
    return IntStream.concat(Arrays.stream(judged), IntStream.range(newest, samples))
        .distinct()
        .sorted()
        .toArray();
  }

  /** The live head's labels, then new ones as they came. */
  private List<String> labels(List<Remembered> samples) {
    Map<String, Boolean> labels = new LinkedHashMap<>();
    List<String> known = live == null ? space.labels() : live.info().labels();
    known.forEach(label -> labels.put(label, true));
    if (space.dense().isEmpty()) {
      for (Remembered sample : samples) {
        space.kind().names(sample.label()).forEach(label -> labels.put(label, true));
      }
    }
    return List.copyOf(labels.keySet());
  }

  private Batch batch(Supervision by, List<Remembered> samples, List<String> labels) {
    return space.dense().isPresent()
        ? space.dense().get().batch(samples, labels.size(), settings.balance())
        : by.batch(samples, labels, settings.balance());
  }

  private Judged judged(
      Supervision by,
      Fitter.Trained start,
      CrossFit fit,
      Set<Integer> unseen,
      List<Remembered> samples,
      List<String> labels,
      double temperature) {
    List<Remembered> judged = new ArrayList<>();
    List<float[]> after = new ArrayList<>();
    for (int i = 0; i < fit.judged().length; i++) {
      if (unseen.contains(fit.judged()[i])) {
        judged.add(samples.get(fit.judged()[i]));
        after.add(cooled(fit.logits().get(i), temperature));
      }
    }
    List<float[]> before =
        live != null
            ? CrossFit.inTurn(
                alike(fit) ? parts.parts().stream().map(by::scaled).toList() : List.of(start),
                judged.stream().map(Remembered::features).toList())
            : space.dense().map(dense -> dense.constant(judged, labels.size())).orElse(List.of());
    List<Trial> trials = new ArrayList<>();
    if (space.dense().isPresent()) {
      for (int i = 0; i < judged.size(); i++) {
        trials.add(
            space.dense().get().trial(judged.get(i), before.get(i), after.get(i), labels.size()));
      }
      Set<String> one = Set.of(Dense.LABEL);
      return new Judged(trials, one, one, fit.head().finite());
    }
    for (int i = 0; i < judged.size(); i++) {
      Supervision.Said said =
          live == null ? null : new Supervision.Said(live.info().labels(), before.get(i));
      trials.add(by.trial(judged.get(i), said, new Supervision.Said(labels, after.get(i))));
    }
    boolean constant = live == null && space.kind() instanceof Kind.OneLabel;
    List<String> known = live == null ? labels : live.info().labels();
    return new Judged(
        trials,
        constant ? Set.of() : new HashSet<>(known),
        new HashSet<>(labels),
        fit.head().finite());
  }

  private boolean alike(CrossFit fit) {
    return !parts.parts().isEmpty() && parts.way() == fit.folds().way();
  }

  private static float[] cooled(float[] logits, double temperature) {
    float[] cooled = logits.clone();
    for (int c = 0; c < cooled.length; c++) {
      cooled[c] /= (float) temperature;
    }
    return cooled;
  }

  static int best(float[] logits) {
    int best = 0;
    for (int c = 1; c < logits.length; c++) {
      best = logits[c] > logits[best] ? c : best;
    }
    return best;
  }

  /** Up to twice the weights of the head: only for those who ask for it. */
  private Map<String, Tensor> source(Batch batch, List<Remembered> samples, int classes) {
    if (Realignment.fitter(settings, space.kind(), fitter).isEmpty()) {
      return Map.of();
    }
    SourceStatistics source = SourceStatistics.of(batch, classes);
    // what is asked for is not what the traffic is: without a history, unlabelled samples tell
    return samples.stream().allMatch(sample -> sample.reason() == Reason.HISTORY)
        ? source.with(Mixture.of(batch, classes)).tensors()
        : source.tensors();
  }

  private Head head(
      HeadInfo info,
      Fitter.Trained candidate,
      List<Remembered> samples,
      Map<String, Tensor> source) {
    List<Remembered> golden = samples.subList(Math.max(0, samples.size() - GOLDEN), samples.size());
    List<float[]> features =
        new Rows(space.size()).of(golden.stream().map(Remembered::features).toList());
    if (space.dense().isPresent()) {
      features = features.subList(0, Math.min(GOLDEN_TILES, features.size()));
    }
    List<float[]> logits = candidate.logits(features);
    return new Head(
        info,
        candidate.tensors(),
        Tensor.rows(features, space.size()),
        Tensor.rows(logits, logits.isEmpty() ? info.labels().size() : logits.get(0).length),
        source);
  }
}
