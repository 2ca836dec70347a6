package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.Temperature;
import dev.headwater.bundle.Task;
import dev.headwater.gate.Gate;
import dev.headwater.gate.Judged;
import dev.headwater.gate.Trial;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
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
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * From samples to judged candidates, without a broker. It knows the live head and a memory; {@link
 * #train} turns them into the next head with its verdict, and changes neither. Not thread-safe.
 */
final class Learner {
  /** Enough to catch a head that was transposed, cut or mixed up on its way. */
  private static final int GOLDEN = 8;

  /** Tiles are large, and each of their pixels is compared. */
  private static final int GOLDEN_TILES = 2;

  private final Space space;
  private final AdaptSettings settings;
  private final Gate gate;
  private final Fitter fitter;
  private final Clock clock;
  private final Memory memory;
  private final Trigger trigger;
  private final TrainedThrough read = TrainedThrough.nothing();
  private @Nullable Head live;
  private TrainedThrough trained = TrainedThrough.nothing();

  /**
   * What samples and heads must be of.
   *
   * @param size how many values a record has at the cut, or a tile of a dense task's
   * @param open whether labels other than {@code labels} may be learned
   */
  record Space(
      String task,
      String backbone,
      int size,
      List<String> labels,
      boolean open,
      Optional<Dense> dense) {
    Space(String task, String backbone, int size, List<String> labels, boolean open) {
      this(task, backbone, size, labels, open, Optional.empty());
    }

    static Space of(Task task) {
      return new Space(
          task.name(),
          task.fingerprint(),
          task.rowSize(),
          task.labels(),
          task.open(),
          Dense.of(task));
    }

    boolean concerns(Sample sample) {
      return sample.getTask().equals(task)
          && sample.getBackbone().equals(backbone)
          && sample.getRows() == 1
          && sample.getDim() == size;
    }

    boolean admits(Sample sample) {
      return sample.getLabel() != null
          && sample.getTask().equals(task)
          && sample.getBackbone().equals(backbone)
          && (dense.isPresent() ? dense.get().fits(sample) : fits(sample));
    }

    private boolean fits(Sample sample) {
      return concerns(sample) && (open || labels.contains(sample.getLabel()));
    }
  }

  Learner(Space space, AdaptSettings settings, Gate gate, Fitter fitter, Clock clock) {
    this.space = space;
    this.settings = settings;
    this.gate = gate;
    this.fitter = fitter;
    this.clock = clock;
    this.memory =
        new Memory(space.dense().map(d -> d.capacity(settings.memory())).orElse(settings.memory()));
    this.trigger = new Trigger(settings, clock);
  }

  /** The head to start from, stay near and be judged against. */
  void live(Head head) {
    live = head;
    trained = TrainedThrough.of(head.info());
  }

  /**
   * Takes in a sample. Those of another task or feature space, without a label, or with one that
   * may not be learned, are none of this learner's.
   *
   * @return whether it says anything new
   */
  boolean add(Sample sample, int partition, long offset) {
    read.advance(partition, offset);
    if (!space.admits(sample)) {
      return false;
    }
    Remembered remembered =
        Remembered.of(sample, partition, offset)
            .with(space.dense().map(dense -> dense.truth(sample)).orElse(null));
    boolean news = memory.put(remembered);
    if (news && !trained.covers(remembered)) {
      trigger.sampled();
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
  }

  /** Something has changed: the next sample is worth a training. */
  void drifted(String cause) {
    trigger.drifted(cause);
  }

  /** Whether the sample is one vector of this task and its feature space, labelled or not. */
  boolean concerns(Sample sample) {
    return space.concerns(sample);
  }

  /** How far in the samples topic this has read. */
  TrainedThrough read() {
    return read;
  }

  int memorySize() {
    return memory.size();
  }

  /** What the live head did not train on, and may be judged by. */
  List<Remembered> unseen() {
    return memory.samples().stream().filter(sample -> !trained.covers(sample)).toList();
  }

  /** What sets off a training now. */
  Optional<String> due() {
    return trigger
        .due(memory.size())
        .filter(cause -> memory.size() > 0 && labels(memory.samples()).size() > 1);
  }

  /**
   * Trains and judges the next head. Whatever its verdict, the samples so far are no longer new.
   *
   * @throws java.util.concurrent.CancellationException where the fine-tuner was cancelled
   */
  Head train(String cause, long version) {
    trigger.reset();
    List<Remembered> samples = memory.samples();
    int[] judged =
        IntStream.range(0, samples.size()).filter(i -> !trained.covers(samples.get(i))).toArray();
    return train(cause, version, samples, judged);
  }

  /** As {@link #train(String, long)}, judging on everything: no head has seen any of it. */
  Head trainFirst(String cause, long version) {
    List<Remembered> samples = memory.samples();
    return train(cause, version, samples, IntStream.range(0, samples.size()).toArray());
  }

  private Head train(String cause, long version, List<Remembered> samples, int[] judged) {
    List<String> labels = labels(samples);
    Fitter.Trained start = live == null ? fitter.empty() : fitter.of(live);
    Batch batch = batch(samples, labels);
    CrossFit fit = CrossFit.of(fitter, start, labels.size(), batch, judged, settings.folds());
    Verdict verdict = gate.judge(judged(start, fit, samples, labels));
    double temperature = space.dense().isPresent() ? 1 : temperature(fit, batch, samples);
    Fitter.Trained candidate = fit.head().cooled(temperature);
    Map<String, Double> numbers = new TreeMap<>(verdict.numbers());
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
            new Verdict(verdict.accepted(), verdict.reason(), verdict.judged(), numbers));
    return head(info, candidate, samples);
  }

  /** The live head's labels, then new ones as they came. */
  private List<String> labels(List<Remembered> samples) {
    Map<String, Boolean> labels = new LinkedHashMap<>();
    List<String> known = live == null ? space.labels() : live.info().labels();
    known.forEach(label -> labels.put(label, true));
    if (space.dense().isEmpty()) {
      samples.forEach(sample -> labels.put(sample.label(), true));
    }
    return List.copyOf(labels.keySet());
  }

  private Batch batch(List<Remembered> samples, List<String> labels) {
    if (space.dense().isPresent()) {
      return space.dense().get().batch(samples, labels.size(), settings.balance());
    }
    int[] classes = samples.stream().mapToInt(s -> labels.indexOf(s.label())).toArray();
    int[] counts = new int[labels.size()];
    for (int c : classes) {
      counts[c]++;
    }
    double[] weights =
        Arrays.stream(classes).mapToDouble(c -> Math.pow(counts[c], -settings.balance())).toArray();
    // as many samples' worth as there are, so that the pull weighs the same against them
    double mean = Arrays.stream(weights).average().orElseThrow();
    for (int i = 0; i < weights.length; i++) {
      weights[i] /= mean;
    }
    return new Batch(samples.stream().map(Remembered::features).toList(), classes, weights);
  }

  private Judged judged(
      Fitter.Trained start, CrossFit fit, List<Remembered> samples, List<String> labels) {
    List<Remembered> judged = Arrays.stream(fit.judged()).mapToObj(samples::get).toList();
    List<float[]> said =
        live == null ? List.of() : start.logits(judged.stream().map(Remembered::features).toList());
    List<Trial> trials = new ArrayList<>();
    if (space.dense().isPresent() && live != null) {
      for (int i = 0; i < judged.size(); i++) {
        trials.add(
            space
                .dense()
                .get()
                .trial(judged.get(i), said.get(i), fit.logits().get(i), labels.size()));
      }
      Set<String> one = Set.of(Dense.LABEL);
      return new Judged(trials, one, one, fit.head().finite());
    }
    for (int i = 0; i < judged.size(); i++) {
      Remembered sample = judged.get(i);
      String before = live == null ? null : labels.get(best(said.get(i)));
      String after = labels.get(best(fit.logits().get(i)));
      trials.add(new Trial(sample.label(), before, after, sample.weight()));
    }
    return new Judged(
        trials,
        live == null ? new HashSet<>() : new HashSet<>(live.info().labels()),
        new HashSet<>(labels),
        fit.head().finite());
  }

  static int best(float[] logits) {
    int best = 0;
    for (int c = 1; c < logits.length; c++) {
      best = logits[c] > logits[best] ? c : best;
    }
    return best;
  }

  /** A label seen once cannot be told by the fold that left it out, and says nothing of scale. */
  private static double temperature(CrossFit fit, Batch batch, List<Remembered> samples) {
    Map<Integer, Integer> counts = new TreeMap<>();
    Arrays.stream(batch.classes()).forEach(c -> counts.merge(c, 1, Integer::sum));
    int[] usable =
        IntStream.range(0, fit.judged().length)
            .filter(i -> counts.getOrDefault(batch.classes()[fit.judged()[i]], 0) > 1)
            .toArray();
    return Temperature.fit(
        Arrays.stream(usable).mapToObj(i -> fit.logits().get(i)).toList(),
        Arrays.stream(usable).map(i -> batch.classes()[fit.judged()[i]]).toArray(),
        Arrays.stream(usable).mapToDouble(i -> samples.get(fit.judged()[i]).weight()).toArray());
  }

  private Head head(HeadInfo info, Fitter.Trained candidate, List<Remembered> samples) {
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
        Tensor.rows(logits, logits.isEmpty() ? info.labels().size() : logits.get(0).length));
  }
}
