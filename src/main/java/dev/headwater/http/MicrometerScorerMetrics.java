package dev.headwater.http;

import dev.headwater.metrics.ScorerMetrics;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** {@link ScorerMetrics} as Micrometer meters; its equations hold between the exported series. */
public final class MicrometerScorerMetrics implements ScorerMetrics {
  private final MeterRegistry registry;
  private final Counter received;
  private final Counter predicted;
  private final Counter deadLettered;
  private final Counter reviewed;
  private final Counter labelsReceived;
  private final Counter labelsMatched;
  private final Counter labelsUnmatched;
  private final Counter labelsDeadLettered;
  private final Timer endToEnd;
  private final Timer inference;
  private final DistributionSummary batchSize;
  private final Map<String, AtomicLong> versions = new ConcurrentHashMap<>();

  public MicrometerScorerMetrics(MeterRegistry registry) {
    this.registry = registry;
    received = counter("headwater.records.received", "Records that reached scoring");
    predicted = counter("headwater.records.predicted", "Records predicted");
    deadLettered = counter("headwater.records.dead.lettered", "Records sent to dead letters");
    reviewed = counter("headwater.records.reviewed", "Records sent to review");
    labelsReceived = counter("headwater.labels.received", "Labels that reached the join");
    labelsMatched = counter("headwater.labels.matched", "Labels that met their record");
    labelsUnmatched =
        counter("headwater.labels.unmatched", "Labels that waited for a record in vain");
    labelsDeadLettered = counter("headwater.labels.dead.lettered", "Labels that could not be read");
    endToEnd = timer("headwater.record.latency", "Record timestamp to prediction forwarded");
    inference = timer("headwater.inference", "One backbone batch");
    batchSize =
        DistributionSummary.builder("headwater.inference.batch.size")
            .description("Records in one backbone batch")
            .serviceLevelObjectives(1, 2, 4, 8, 16, 32, 64, 128)
            .register(registry);
  }

  @Override
  public void received() {
    received.increment();
  }

  @Override
  public void predicted(Duration latency) {
    predicted.increment();
    endToEnd.record(latency);
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
  public void labelReceived() {
    labelsReceived.increment();
  }

  @Override
  public void labelMatched() {
    labelsMatched.increment();
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
  public void inferred(int records, Duration took) {
    batchSize.record(records);
    inference.record(took);
  }

  @Override
  public void swapped(String task, long version) {
    registry.counter("headwater.head.swaps", "task", task).increment();
    versions
        .computeIfAbsent(
            task,
            t -> registry.gauge("headwater.head.version", Tags.of("task", t), new AtomicLong()))
        .set(version);
  }

  @Override
  public void headRefused(String task, String reason) {
    registry.counter("headwater.head.refusals", "task", task).increment();
  }

  private Counter counter(String name, String description) {
    return Counter.builder(name).description(description).register(registry);
  }

  private Timer timer(String name, String description) {
    return Timer.builder(name)
        .description(description)
        .publishPercentileHistogram()
        .minimumExpectedValue(Duration.ofNanos(100_000))
        .maximumExpectedValue(Duration.ofMinutes(1))
        .register(registry);
  }
}
