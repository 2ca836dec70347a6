package dev.headwater.http;

import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Reason;
import dev.headwater.schema.RejectedHeadException;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.core.datapoints.DistributionDataPoint;
import io.prometheus.metrics.core.metrics.Histogram;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Exports {@link ScorerMetrics} as Micrometer meters; its equations hold between the exported
 * series. Every counter starts at 0, so that rates include the first increment. Tag values from a
 * topic are always checked.
 */
public final class MicrometerScorerMetrics implements ScorerMetrics {
  /** Task tag of heads for unknown tasks, so that keys on the topic cannot create series. */
  private static final String UNKNOWN = "unknown";

  static final String CONFIDENCE = "headwater_confidence_ratio";

  /** The objective for 99 % of records in deploy/prometheus. */
  private static final Duration OBJECTIVE = Duration.ofSeconds(1);

  private static final double[] BATCHES = {1, 2, 4, 8, 16, 32, 64, 128, 256};
  private static final double[] TWENTIETHS =
      IntStream.rangeClosed(1, 20).mapToDouble(i -> i / 20.0).toArray();
  private static final Duration[] DELAYS = {
    Duration.ofSeconds(1),
    Duration.ofSeconds(10),
    Duration.ofMinutes(1),
    Duration.ofMinutes(10),
    Duration.ofHours(1),
    Duration.ofHours(6),
    Duration.ofDays(1),
    Duration.ofDays(7)
  };

  private final Meters meters;
  private final Counter received;
  private final Counter predicted;
  private final Counter deadLettered;
  private final Counter reviewed;
  private final Counter labelsReceived;
  private final Counter labelsMatched;
  private final Counter labelsUnmatched;
  private final Counter labelsDeadLettered;
  private final Counter positions;
  private final Counter padding;
  private final Timer endToEnd;
  private final Timer labelDelay;
  private final DistributionSummary batchSize;
  private final Map<Stage, Timer> stages = new EnumMap<>(Stage.class);
  private final Map<String, DistributionDataPoint> confidences = new TreeMap<>();
  private final Map<String, Map<String, Counter>> kept = new TreeMap<>();
  private final Map<String, Counter> swaps = new TreeMap<>();
  private final Map<String, Timer> swapDurations = new TreeMap<>();
  private final Map<String, Map<String, Counter>> rejections = new TreeMap<>();
  private final HeadMeters heads;

  /**
   * @param tasks names of the bundle's tasks
   */
  public MicrometerScorerMetrics(PrometheusMeterRegistry registry, List<String> tasks) {
    // only info metrics have version tags; filters must be registered before the first meter
    registry.config().meterFilter(MeterFilter.ignoreTags("kafka.version"));
    meters = new Meters(registry);
    heads = new HeadMeters(registry);
    heads.canaries(tasks);
    received = meters.counter("headwater.records.received", "Records received for scoring");
    predicted = meters.counter("headwater.records.predicted", "Records with a prediction");
    deadLettered =
        meters.counter("headwater.records.dead.lettered", "Records sent to the dead-letters topic");
    reviewed =
        meters.counter("headwater.records.reviewed", "Label requests, one per record and task");
    labelsReceived = meters.counter("headwater.labels.received", "Labels received by the join");
    labelsMatched = meters.counter("headwater.labels.matched", "Labels matched with their record");
    labelsUnmatched =
        meters.counter(
            "headwater.labels.unmatched", "Labels that expired without a matching record");
    labelsDeadLettered =
        meters.counter("headwater.labels.dead.lettered", "Labels sent to the dead-letters topic");
    positions =
        meters.counter(
            "headwater.inference.tokens",
            "Tokens run through the backbone, padding included; one per record without padding");
    padding =
        meters.counter(
            "headwater.inference.padding.tokens", "Padding tokens run through the backbone");
    endToEnd =
        meters.timer(
            "headwater.record.latency",
            "Time from record timestamp to forwarded prediction; one bucket ends at "
                + OBJECTIVE.toSeconds()
                + " s, the objective of the alerts",
            OBJECTIVE);
    labelDelay =
        Timer.builder("headwater.label.delay")
            .description("Time from label request to label")
            .serviceLevelObjectives(DELAYS)
            .register(registry);
    batchSize =
        DistributionSummary.builder("headwater.inference.batch")
            .description("Records per backbone batch")
            .baseUnit("records")
            .serviceLevelObjectives(BATCHES)
            .register(registry);
    for (Stage stage : Stage.values()) {
      String name = stage.name().toLowerCase(Locale.ROOT);
      stages.put(
          stage,
          meters.timer(
              "headwater.stage.duration",
              "Time per pipeline stage: decoding a chunk of polled records, queueing until the"
                  + " batch starts, inference of a batch, waiting for a record's result, and"
                  + " processing a record, waiting included",
              Tag.of("stage", name)));
    }
    Histogram confidence = confidence(registry);
    tasks.forEach(task -> confidences.put(task, confidence.labelValues(task)));
    tasks.forEach(this::register);
    rejections.put(UNKNOWN, rejections(UNKNOWN));
  }

  /** Uses the Prometheus client, because Micrometer's histograms round values up to integers. */
  private static Histogram confidence(PrometheusMeterRegistry registry) {
    return Histogram.builder()
        .name(CONFIDENCE)
        .help("Confidence of the live head, per record")
        .labelNames("task")
        .classicOnly()
        .withoutExemplars()
        .classicUpperBounds(TWENTIETHS)
        .register(registry.getPrometheusRegistry());
  }

  private void register(String task) {
    Tag taskTag = Tag.of("task", task);
    Map<String, Counter> reasons = new TreeMap<>();
    for (Reason reason : List.of(Reason.UNSURE, Reason.AUDIT, Reason.UNLABELLED)) {
      Tag reasonTag = Tag.of("reason", reason.name().toLowerCase(Locale.ROOT));
      reasons.put(
          reason.name(),
          meters.counter(
              "headwater.samples",
              "Samples kept, by reason: low confidence (unsure), audit or unlabelled",
              taskTag,
              reasonTag));
    }
    kept.put(task, reasons);
    swaps.put(task, meters.counter("headwater.head.swaps", "Heads that became live", taskTag));
    swapDurations.put(
        task,
        meters.timer(
            "headwater.head.swap.duration",
            "Time to check, load, warm up and swap a head",
            taskTag));
    rejections.put(task, rejections(task));
  }

  private Map<String, Counter> rejections(String task) {
    Map<String, Counter> causes = new TreeMap<>();
    Arrays.stream(RejectedHeadException.Cause.values())
        .map(RejectedHeadException.Cause::code)
        .forEach(
            code ->
                causes.put(
                    code,
                    meters.counter(
                        "headwater.head.refusals",
                        "Heads rejected; the live head is kept. The task is unknown if the bundle does"
                            + " not have it",
                        Tag.of("task", task),
                        Tag.of("reason", code))));
    return causes;
  }

  @Override
  public void received() {
    received.increment();
  }

  @Override
  public void predicted(long endToEndMillis) {
    predicted.increment();
    endToEnd.record(endToEndMillis, TimeUnit.MILLISECONDS);
  }

  @Override
  public void recordConfidence(String task, double confidence) {
    DistributionDataPoint histogram = confidences.get(task);
    if (histogram != null) {
      histogram.observe(confidence);
    }
  }

  @Override
  public void deadLettered() {
    deadLettered.increment();
  }

  @Override
  public void reviewed() {
    reviewed.increment();
  }

  @Override
  public void recordSample(String task, String reason) {
    increment(kept.get(task), reason);
  }

  @Override
  public void labelReceived() {
    labelsReceived.increment();
  }

  @Override
  public void labelMatched(Duration delay) {
    labelsMatched.increment();
    labelDelay.record(delay);
  }

  @Override
  public void labelUnmatched() {
    labelsUnmatched.increment();
  }

  @Override
  public void labelDeadLettered() {
    labelsDeadLettered.increment();
  }

  @Override
  public void recordStage(Stage stage, long nanos) {
    Timer timer = stages.get(stage);
    if (timer != null) {
      timer.record(nanos, TimeUnit.NANOSECONDS);
    }
  }

  @Override
  public void recordBatch(int records, long all, long padded, Duration elapsed) {
    batchSize.record(records);
    positions.increment(all);
    padding.increment(padded);
    recordStage(Stage.INFERENCE, elapsed.toNanos());
  }

  @Override
  public void swapped(String task, long version, Duration elapsed) {
    Counter counter = swaps.get(task);
    Timer duration = swapDurations.get(task);
    if (counter != null && duration != null) {
      counter.increment();
      duration.record(elapsed);
      heads.live(task, version);
    }
  }

  @Override
  public void canary(String task, long version, double share) {
    heads.canary(task, version, share);
  }

  @Override
  public void headRejected(String task, String cause) {
    increment(rejections.get(rejections.containsKey(task) ? task : UNKNOWN), cause);
  }

  private static void increment(@Nullable Map<String, Counter> counters, String key) {
    Counter counter = counters == null ? null : counters.get(key);
    if (counter != null) {
      counter.increment();
    }
  }
}
