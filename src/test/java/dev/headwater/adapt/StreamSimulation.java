package dev.headwater.adapt;

import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * The loop without a broker: a recorded stream, the production learner and gate, and a head that
 * goes live a set number of records after what triggered it. Prequential: a record counts under the
 * head that scored it. A label is read only for records that were selected.
 */
final class StreamSimulation {
  private final Plan plan;
  private final StreamFeatures stream;
  private final int[] order;
  private final Learner learner;
  private final Random audit;
  private final boolean[] right;
  private final boolean[] frozenRight;
  private final boolean[] selected;
  private final Choice choice;
  private final List<HeadInfo> versions = new ArrayList<>();
  private final Deque<Asked> asked = new ArrayDeque<>();
  private LinearHead live;
  private List<String> labels;
  private @Nullable Head coming;
  private int comingAt;
  private long offset;

  /**
   * @param trainingDelay records between a trigger and its head serving
   * @param labelDelay records between a record and its label
   * @param seed 0 for the recorded order
   * @param records to stop after, 0 for all
   */
  record Plan(
      double auditShare,
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

  /** What came of it, by tenths of the stream. */
  record Report(
      double accuracy,
      double[] segments,
      double[] frozenSegments,
      double[] asked,
      double labelShare,
      double start,
      double frozenStart,
      List<HeadInfo> versions) {

    double lastThree() {
      return (segments[7] + segments[8] + segments[9]) / 3;
    }

    long accepted() {
      return versions.stream().filter(v -> v.verdict().accepted()).count();
    }
  }

  StreamSimulation(StreamFeatures stream, int[] order, Plan plan, Choice choice, FineTuner tuner) {
    this.stream = stream;
    this.order = plan.records() > 0 ? java.util.Arrays.copyOf(order, plan.records()) : order;
    this.plan = plan;
    this.audit = new Random(plan.seed() * 31 + 5);
    int n = this.order.length;
    right = new boolean[n];
    frozenRight = new boolean[n];
    selected = new boolean[n];
    this.choice = choice;
    live = stream.head();
    labels = stream.headLabels();
    HeadLayout layout = new HeadLayout(new LinearLayer("w", "b", true), live.dim());
    Learner.Space space = new Learner.Space("task", "backbone", live.dim(), labels, true);
    Clock clock = Clock.fixed(Instant.EPOCH, ZoneOffset.UTC);
    learner =
        new Learner(
            space, plan.adapt(), new Gate(plan.gate()), new LinearFitter(layout, tuner), clock);
    learner.live(original(layout));
  }

  private Head original(HeadLayout layout) {
    Verdict verdict = new Verdict(true, "as exported", 0, Map.of());
    HeadInfo info =
        new HeadInfo("task", 0, 0, labels, "backbone", Instant.EPOCH, "bundle", "none", verdict);
    Tensor none = new Tensor(new long[] {0, 0}, new float[0]);
    return new Head(info, layout.tensors(live), none, none);
  }

  Report run() {
    for (int t = 0; t < order.length; t++) {
      score(t);
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
    String truth = stream.truth().get(order[t]);
    float[] logits = live.logits(features);
    int best = best(logits);
    right[t] = labels.get(best).equals(truth);
    frozenRight[t] = stream.headLabels().get(stream.head().best(features)).equals(truth);
    boolean audited = audit.nextDouble() < plan.auditShare();
    boolean unsure = choice.asks(features, probabilities(logits, best), audited);
    if (audited || unsure) {
      selected[t] = true;
      asked.add(
          new Asked(
              t + plan.labelDelay(),
              order[t],
              unsure ? 1 : 1 / plan.auditShare(),
              audited ? Reason.AUDIT : Reason.UNSURE));
    }
  }

  private void deliver(int t) {
    while (!asked.isEmpty() && asked.peek().at() <= t) {
      Asked next = asked.remove();
      float[] features = stream.features().get(next.record());
      learner.add(
          Sample.newBuilder()
              .setRecordId("r" + next.record())
              .setTask("task")
              .setBackbone("backbone")
              .setRows(1)
              .setDim(features.length)
              .setFeatures(SampleSerde.pack(features))
              .setReason(next.reason())
              .setWeight(next.weight())
              .setConfidence(0)
              .setHeadVersion(0)
              .setRecordTime(Instant.EPOCH)
              .setLabel(stream.truth().get(next.record()))
              .build(),
          0,
          offset++);
    }
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
    live = new HeadLayout(new LinearLayer("w", "b", true), live.dim()).linear(head);
    labels = head.info().labels();
    coming = null;
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int c = 1; c < logits.length; c++) {
      best = logits[c] > logits[best] ? c : best;
    }
    return best;
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
