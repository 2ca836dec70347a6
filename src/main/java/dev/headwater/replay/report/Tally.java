package dev.headwater.replay.report;

import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Masks;
import dev.headwater.metrics.Percentile;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.TaskPrediction;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Evaluates the outputs of the pipeline against the ground truth. Records are identified by their
 * index in the stream, from 0. Thread-safe: sender, labeller and collector threads share it.
 */
public final class Tally {
  private static final double NANOS = 1e9;
  private static final double MILLIS = 1e3;

  private final int records;
  private final Map<String, TaskTally> tasks = new LinkedHashMap<>();
  private final LongSupplier nanoTime;
  private final BitSet outcomes = new BitSet();
  private final Map<Reason, Set<String>> samples = new EnumMap<>(Reason.class);
  private final long[] arrivals = new long[Hits.WINDOW];
  private final double[] confidences = new double[Hits.WINDOW];
  private final List<Long> latencies = new ArrayList<>();
  private int predictions;
  private int deadLetters;
  private int duplicates;
  private @Nullable Long headVersion;
  private @Nullable Long firstSent;

  /**
   * Creates a tally of classification tasks.
   *
   * @param truths ground truth of every record by task, null if unknown; the first task is
   *     displayed
   */
  public Tally(Map<String, List<@Nullable String>> truths, LongSupplier nanoTime) {
    this(truths, List.of(), Map.of(), Map.of(), (task, label) -> label, nanoTime);
  }

  /**
   * Creates a tally.
   *
   * @param truths ground truth of every record by task, null if unknown; the first task is
   *     displayed
   * @param domains domain of every record, null if unknown; empty without a domain field
   * @param kinds output types by task; default: a single label
   * @param masks mask codec by dense task
   * @param currentLabel maps a task and a label to its current name; null for a retired label
   */
  public Tally(
      Map<String, List<@Nullable String>> truths,
      List<@Nullable String> domains,
      Map<String, Kind> kinds,
      Map<String, Masks> masks,
      BiFunction<String, String, @Nullable String> currentLabel,
      LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    truths.forEach(
        (task, values) ->
            tasks.put(
                task,
                new TaskTally(
                    values,
                    domains,
                    kinds.getOrDefault(task, new Kind.OneLabel()),
                    masks.get(task),
                    label -> currentLabel.apply(task, label))));
    this.records = truths.values().iterator().next().size();
  }

  /** Records that sending starts now. */
  public synchronized void started() {
    firstSent = nanoTime.getAsLong();
  }

  /**
   * Records a prediction.
   *
   * @param millis time from the record's timestamp to its prediction being consumed
   */
  public synchronized void predicted(int index, Prediction prediction, long millis) {
    TaskPrediction leading = prediction.leading();
    latencies.add(millis);
    confidences[predictions % Hits.WINDOW] = leading.confidence();
    predictions++;
    if (recordOutcome(index)) {
      headVersion = leading.made() ? leading.headVersion() : null;
      prediction.tasks().forEach(each -> task(each.task()).predicted(index, each));
    }
  }

  public synchronized void deadLettered(int index) {
    deadLetters++;
    recordOutcome(index);
  }

  /** Records the delivery of a requested label; records with the same id share their label. */
  public synchronized void delivered(String task, String recordId) {
    task(task).recordDelivery(recordId);
  }

  /** Records a labelled sample; corrections of the same record count once. */
  public synchronized void sampled(String task, String recordId, Reason reason) {
    samples.computeIfAbsent(reason, r -> new HashSet<>()).add(recordId + '\0' + task);
  }

  public synchronized void judged(HeadInfo candidate) {
    task(candidate.task()).judged(candidate, outcomes.cardinality());
  }

  /** Returns the index of the first record without an outcome, or the number of records. */
  public synchronized int firstMissing() {
    return outcomes.nextClearBit(0);
  }

  public synchronized Progress progress() {
    TaskTally shown = firstTask();
    Map<String, Progress.Rolling> rolling = new LinkedHashMap<>();
    tasks.forEach(
        (name, task) ->
            rolling.put(
                name, new Progress.Rolling(task.adaptive().rolling(), task.frozen().rolling())));
    return new Progress(
        records,
        outcomes.cardinality(),
        deadLetters,
        duplicates,
        latestRate(),
        shown.adaptive().rolling(),
        shown.frozen().rolling(),
        meanConfidence(),
        sampleCount(Reason.UNSURE),
        sampleCount(Reason.AUDIT),
        tasks.values().stream().mapToInt(task -> task.deliveredIds().size()).sum(),
        labelled(),
        headVersion,
        shown.versions(),
        shown.served(),
        shown.adaptive().curve(),
        shown.frozen().curve(),
        rolling);
  }

  /**
   * Returns the report.
   *
   * @param finalHeads file of the exported final head, by task
   */
  public synchronized ReplayReport report(Map<String, String> finalHeads) {
    Map<String, ReplayReport.Task> reports = new LinkedHashMap<>();
    tasks.forEach((name, task) -> reports.put(name, task.report(finalHeads.get(name))));
    ReplayReport.Task leading = reports.values().iterator().next();
    return new ReplayReport(
        records,
        predictions,
        deadLetters,
        duplicates,
        new ReplayReport.Samples(sampleCount(Reason.UNSURE), sampleCount(Reason.AUDIT)),
        (double) labelled() / records,
        leading.accuracy(),
        leading.iou(),
        leading.rmse(),
        leading.coverage(),
        leading.byDomain(),
        leading.versions(),
        new ReplayReport.Throughput(overallRate()),
        latency(),
        leading.finalHead(),
        reports);
  }

  private ReplayReport.@Nullable Latency latency() {
    if (latencies.isEmpty()) {
      return null;
    }
    double[] sorted = latencies.stream().mapToDouble(millis -> millis / MILLIS).sorted().toArray();
    return new ReplayReport.Latency(
        Percentile.of(sorted, .5),
        Percentile.of(sorted, .95),
        Percentile.of(sorted, .99),
        Percentile.of(sorted, 1));
  }

  /** Returns the number of records with a delivered label for any task. */
  private int labelled() {
    Set<String> labelled = new HashSet<>();
    tasks.values().forEach(task -> labelled.addAll(task.deliveredIds()));
    return labelled.size();
  }

  private TaskTally firstTask() {
    return tasks.values().iterator().next();
  }

  private TaskTally task(String name) {
    TaskTally task = tasks.get(name);
    if (task == null) {
      throw new IllegalStateException("output for an unknown task of this replay: " + name);
    }
    return task;
  }

  private boolean recordOutcome(int index) {
    if (outcomes.get(index)) {
      duplicates++;
      return false;
    }
    arrivals[outcomes.cardinality() % Hits.WINDOW] = nanoTime.getAsLong();
    outcomes.set(index);
    return true;
  }

  private int sampleCount(Reason reason) {
    return samples.getOrDefault(reason, Set.of()).size();
  }

  private double meanConfidence() {
    int n = Math.min(predictions, Hits.WINDOW);
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += confidences[i];
    }
    return n == 0 ? 0 : sum / n;
  }

  private double latestRate() {
    int total = outcomes.cardinality();
    if (total <= Hits.WINDOW) {
      return overallRate();
    }
    return rate(Hits.WINDOW - 1, arrivals[total % Hits.WINDOW], lastArrival(total));
  }

  private double overallRate() {
    int total = outcomes.cardinality();
    return firstSent == null || total == 0 ? 0 : rate(total, firstSent, lastArrival(total));
  }

  private long lastArrival(int total) {
    return arrivals[(total - 1) % Hits.WINDOW];
  }

  private static double rate(int count, long from, long to) {
    return count * NANOS / Math.max(1, to - from);
  }
}
