package dev.headwater.adapt;

import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * The loop without a broker: a recorded stream, the production learner and gate, and a head that
 * goes live a set number of records after what triggered it. Prequential: a record counts under the
 * head that scored it. A label is read only for records that were selected.
 */
final class StreamSimulation {
  private static final int AHEAD = 32;

  private final Plan plan;
  private final Recorded stream;
  private final int[] order;
  private final Learner learner;
  private final Fitter fitter;
  private final Random audit;
  private final Random drawn;
  private final boolean[] right;
  private final boolean[] frozenRight;
  private final boolean[] selected;
  private final boolean[] unsure;
  private final Choice choice;
  private final List<HeadInfo> versions = new ArrayList<>();
  private final Deque<Asked> asked = new ArrayDeque<>();
  private final Deque<float[]> scored = new ArrayDeque<>();
  private Fitter.Trained live;
  private List<String> labels;
  private @Nullable Head coming;
  private int comingAt;
  private long offset;

  /**
   * @param drawnShare of records whose features the learner sees without a label
   * @param trainingDelay records between a trigger and its head serving
   * @param labelDelay records between a record and its label
   * @param seed 0 for the recorded order
   * @param records to stop after, 0 for all
   */
  record Plan(
      double auditShare,
      double drawnShare,
      int trainingDelay,
      int labelDelay,
      long seed,
      int records,
      AdaptSettings adapt,
      GateSettings gate) {}

  /** Which records ask for their label, one by one as they come. */
  interface Choice {

    /**
     * Whether a record asks of its own accord.
     *
     * @param audited it asks for a label in any case
     */
    boolean asks(float[] features, float[] probabilities, boolean audited);
  }

  private record Asked(int at, int record, double weight, Reason reason) {}

  /**
   * What came of it, by tenths of the stream.
   *
   * @param right by record, in the order they came
   * @param unsure whether it asked of its own accord
   */
  @SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
  record Report(
      double accuracy,
      double[] segments,
      double[] frozenSegments,
      double[] asked,
      double labelShare,
      double start,
      double frozenStart,
      boolean[] right,
      boolean[] frozenRight,
      boolean[] unsure,
      List<HeadInfo> versions) {

    double lastThree() {
      return (segments[7] + segments[8] + segments[9]) / 3;
    }

    /** Of the records from one to another. */
    double accuracy(int from, int to) {
      return share(right, from, to);
    }

    double frozen(int from, int to) {
      return share(frozenRight, from, to);
    }

    long accepted() {
      return versions.stream().filter(v -> v.verdict().accepted()).count();
    }
  }

  StreamSimulation(Recorded stream, int[] order, Plan plan, Choice choice, Fitter fitter) {
    this.stream = stream;
    this.order = plan.records() > 0 ? Arrays.copyOf(order, plan.records()) : order;
    this.plan = plan;
    this.fitter = fitter;
    this.audit = new Random(plan.seed() * 31 + 5);
    this.drawn = new Random(plan.seed() * 31 + 9);
    int n = this.order.length;
    right = new boolean[n];
    frozenRight = new boolean[n];
    selected = new boolean[n];
    unsure = new boolean[n];
    this.choice = choice;
    Clock clock = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);
    learner = new Learner(stream.space(), plan.adapt(), new Gate(plan.gate()), fitter, clock);
    labels = List.of();
    live = fitter.empty();
    stream.original().ifPresent(this::begin);
  }

  private void begin(Head original) {
    learner.live(original);
    labels = original.info().labels();
    live = fitter.of(original);
    for (int t = 0; t < order.length; t++) {
      float[] logits = logits(t);
      frozenRight[t] = labels.get(Learner.best(logits)).equals(stream.truth().get(order[t]));
    }
  }

  Report run() {
    for (int t = 0; t < order.length; t++) {
      score(t);
      draw(t);
      deliver(t);
      if (coming != null && t >= comingAt) {
        goLive(coming);
      }
      if (coming == null && t >= comingAt) {
        train(t);
      }
    }
    return report();
  }

  private void score(int t) {
    float[] features = stream.features().get(order[t]);
    float[] logits = labels.isEmpty() ? new float[0] : logits(t);
    int best = logits.length == 0 ? -1 : Learner.best(logits);
    right[t] = best >= 0 && labels.get(best).equals(stream.truth().get(order[t]));
    boolean audited = audit.nextDouble() < plan.auditShare();
    unsure[t] = choice.asks(features, probabilities(logits, best), audited);
    if (audited || unsure[t]) {
      selected[t] = true;
      asked.add(
          new Asked(
              t + plan.labelDelay(),
              order[t],
              unsure[t] ? 1 : 1 / plan.auditShare(),
              audited ? Reason.AUDIT : Reason.UNSURE));
    }
  }

  /** Of record t, by the live head; some are scored ahead, for that is faster. */
  private float[] logits(int t) {
    if (scored.isEmpty()) {
      List<float[]> features = new ArrayList<>();
      for (int i = t; i < Math.min(order.length, t + AHEAD); i++) {
        features.add(stream.features().get(order[i]));
      }
      scored.addAll(live.logits(features));
    }
    return scored.remove();
  }

  /** What nobody is asked about. */
  private void draw(int t) {
    if (drawn.nextDouble() < plan.drawnShare()) {
      add(sample(order[t], Reason.UNLABELLED, 1 / plan.drawnShare()));
    }
  }

  private void deliver(int t) {
    while (!asked.isEmpty() && asked.peek().at() <= t) {
      Asked next = asked.remove();
      add(
          sample(next.record(), next.reason(), next.weight())
              .setLabel(stream.truth().get(next.record())));
    }
  }

  private void add(Sample.Builder sample) {
    learner.add(sample.build(), 0, offset++);
  }

  private Sample.Builder sample(int record, Reason reason, double weight) {
    float[] features = stream.features().get(record);
    return Sample.newBuilder()
        .setRecordId("r" + record)
        .setTask(stream.space().task())
        .setBackbone(stream.space().backbone())
        .setRows(1)
        .setDim(features.length)
        .setFeatures(SampleSerde.pack(features))
        .setReason(reason)
        .setWeight(weight)
        .setConfidence(0)
        .setHeadVersion(0)
        .setRecordTime(Instant.EPOCH);
  }

  private void train(int t) {
    if (learner.due().isEmpty()) {
      return;
    }
    Head candidate = learner.train("samples", versions.size() + 1L);
    versions.add(candidate.info());
    // a refused candidate took the trainer's time as well
    comingAt = t + plan.trainingDelay();
    if (candidate.info().verdict().accepted()) {
      coming = candidate;
    }
  }

  private void goLive(Head head) {
    learner.live(head);
    live = fitter.of(head);
    labels = head.info().labels();
    coming = null;
    scored.clear();
  }

  private static float[] probabilities(float[] logits, int best) {
    float[] probabilities = new float[logits.length];
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - logits[best]);
    }
    for (int c = 0; c < logits.length; c++) {
      probabilities[c] = (float) (Math.exp(logits[c] - logits[best]) / sum);
    }
    return probabilities;
  }

  private Report report() {
    double[] segments = new double[10];
    double[] frozen = new double[10];
    double[] asking = new double[10];
    int n = order.length;
    for (int i = 0; i < 10; i++) {
      segments[i] = share(right, i * n / 10, (i + 1) * n / 10);
      frozen[i] = share(frozenRight, i * n / 10, (i + 1) * n / 10);
      asking[i] = share(selected, i * n / 10, (i + 1) * n / 10);
    }
    int start = Math.min(n, 1500);
    return new Report(
        share(right, 0, n),
        segments,
        frozen,
        asking,
        share(selected, 0, n),
        share(right, 0, start),
        share(frozenRight, 0, start),
        right,
        frozenRight,
        unsure,
        versions);
  }

  private static double share(boolean[] of, int from, int to) {
    int count = 0;
    for (int i = from; i < to; i++) {
      count += of[i] ? 1 : 0;
    }
    return (double) count / (to - from);
  }
}
