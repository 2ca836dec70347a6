package dev.headwater.http;

import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Reason;
import dev.headwater.schema.RefusedHeadException;
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
 * {@link ScorerMetrics} as Micrometer meters; its equations hold between the exported series. Every
 * counter is there at 0 from the start, so that its first increase is one, and no label is taken
 * from a topic unchecked.
 */
public final class MicrometerScorerMetrics implements ScorerMetrics {
  /**
   * What a head is of that names no task of the bundle: whoever writes keys must not make series.
   */
  private static final String UNKNOWN = "unknown";

  static final String CONFIDENCE = "headwater_confidence_ratio";

  /** What deploy/prometheus promises of 99 records in a hundred. */
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
  private final Map<String, Map<String, Counter>> refusals = new TreeMap<>();
  private final HeadMeters heads;

  /**
   * @param tasks of the bundle
   */
  public MicrometerScorerMetrics(PrometheusMeterRegistry registry, List<String> tasks) {
    // of versions only info metrics tell; a filter has to be there before the first meter is
    registry.config().meterFilter(MeterFilter.ignoreTags("kafka.version"));
    meters = new Meters(registry);
    heads = new HeadMeters(registry);
    heads.canaries(tasks);
    received = meters.counter("headwater.records.received", "Records that reached scoring");
    predicted = meters.counter("headwater.records.predicted", "Records predicted");
    deadLettered =
        meters.counter("headwater.records.dead.lettered", "Records sent to dead letters");
    reviewed = meters.counter("headwater.records.reviewed", "Review items, one a task of a record");
    labelsReceived = meters.counter("headwater.labels.received", "Labels that reached the join");
    labelsMatched = meters.counter("headwater.labels.matched", "Labels that met their record");
    labelsUnmatched =
        meters.counter("headwater.labels.unmatched", "Labels that waited for a record in vain");
    labelsDeadLettered =
        meters.counter("headwater.labels.dead.lettered", "Labels that could not be read");
    positions =
        meters.counter(
            "headwater.inference.tokens", "Positions run through the backbone, padding included");
    padding =
        meters.counter("headwater.inference.padding.tokens", "Those of them that are padding");
    endToEnd =
        meters.timer(
            "headwater.record.latency", "Record timestamp to prediction forwarded", OBJECTIVE);
    labelDelay =
        Timer.builder("headwater.label.delay")
            .description("From a record's asking for its label to the label's coming")
            .serviceLevelObjectives(DELAYS)
            .register(registry);
    batchSize =
        DistributionSummary.builder("headwater.inference.batch")
            .description("Records in one backbone batch")
            .baseUnit("records")
            .serviceLevelObjectives(BATCHES)
            .register(registry);
    for (Stage stage : Stage.values()) {
      String name = stage.name().toLowerCase(Locale.ROOT);
      stages.put(
          stage,
          meters.timer(
              "headwater.stage.duration", "Where the time of records goes", Tag.of("stage", name)));
    }
    Histogram confidence = confidence(registry);
    tasks.forEach(task -> confidences.put(task, confidence.labelValues(task)));
    tasks.forEach(this::register);
    refusals.put(UNKNOWN, refusals(UNKNOWN));
  }

  /** Micrometer's own histograms round what they count up to whole numbers. */
  private static Histogram confidence(PrometheusMeterRegistry registry) {
    return Histogram.builder()
        .name(CONFIDENCE)
        .help("How sure the live head is, by record")
        .labelNames("task")
        .classicOnly()
        .withoutExemplars()
        .classicUpperBounds(TWENTIETHS)
        .register(registry.getPrometheusRegistry());
  }

  private void register(String task) {
    Tag of = Tag.of("task", task);
    Map<String, Counter> reasons = new TreeMap<>();
    for (Reason reason : List.of(Reason.UNSURE, Reason.AUDIT, Reason.UNLABELLED)) {
      Tag why = Tag.of("reason", reason.name().toLowerCase(Locale.ROOT));
      reasons.put(
          reason.name(),
          meters.counter("headwater.samples", "Records kept to learn from", of, why));
    }
    kept.put(task, reasons);
    swaps.put(task, meters.counter("headwater.head.swaps", "Heads that went live", of));
    swapDurations.put(
        task,
        meters.timer(
            "headwater.head.swap.duration", "Checking, loading, warming and swapping a head", of));
    refusals.put(task, refusals(task));
  }

  private Map<String, Counter> refusals(String task) {
    Map<String, Counter> causes = new TreeMap<>();
    Arrays.stream(RefusedHeadException.Cause.values())
        .map(RefusedHeadException.Cause::code)
        .forEach(
            code ->
                causes.put(
                    code,
                    meters.counter(
                        "headwater.head.refusals",
                        "Heads refused; the last good one serves on",
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
  public void confident(String task, double confidence) {
    DistributionDataPoint counted = confidences.get(task);
    if (counted != null) {
      counted.observe(confidence);
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
  public void kept(String task, String reason) {
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
  public void passed(Stage stage, long nanos) {
    Timer timer = stages.get(stage);
    if (timer != null) {
      timer.record(nanos, TimeUnit.NANOSECONDS);
    }
  }

  @Override
  public void inferred(int records, long all, long padded, Duration took) {
    batchSize.record(records);
    positions.increment(all);
    padding.increment(padded);
    passed(Stage.INFERENCE, took.toNanos());
  }

  @Override
  public void swapped(String task, long version, Duration took) {
    Counter counter = swaps.get(task);
    Timer duration = swapDurations.get(task);
    if (counter != null && duration != null) {
      counter.increment();
      duration.record(took);
      heads.live(task, version);
    }
  }

  @Override
  public void canary(String task, long version, double share) {
    heads.canary(task, version, share);
  }

  @Override
  public void headRefused(String task, String cause) {
    increment(refusals.get(refusals.containsKey(task) ? task : UNKNOWN), cause);
  }

  private static void increment(@Nullable Map<String, Counter> counters, String key) {
    Counter counter = counters == null ? null : counters.get(key);
    if (counter != null) {
      counter.increment();
    }
  }
}
