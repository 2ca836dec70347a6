package dev.headwater.http;

import dev.headwater.metrics.TrainerMetrics;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/** {@link TrainerMetrics} as Micrometer meters. */
public final class MicrometerTrainerMetrics implements TrainerMetrics {
  private final MeterRegistry registry;
  private final Map<String, AtomicReference<Double>> scores = new ConcurrentHashMap<>();
  private final Map<String, AtomicInteger> memories = new ConcurrentHashMap<>();

  public MicrometerTrainerMetrics(MeterRegistry registry) {
    this.registry = registry;
  }

  @Override
  public void sampled(String task, int memorySize) {
    Counter.builder("headwater.trainer.samples")
        .description("Labelled samples taken into memory")
        .tag("task", task)
        .register(registry)
        .increment();
    memories
        .computeIfAbsent(
            task,
            t ->
                registry.gauge(
                    "headwater.trainer.memory.samples", Tags.of("task", t), new AtomicInteger()))
        .set(memorySize);
  }

  @Override
  public void trained(String task, Duration took) {
    Timer.builder("headwater.trainer.training")
        .description("Fine-tuning one candidate, cross-fitting included")
        .tag("task", task)
        .publishPercentileHistogram()
        .register(registry)
        .record(took);
  }

  @Override
  public void drift(String task, String cause, double score) {
    scores
        .computeIfAbsent(
            task + '/' + cause,
            key ->
                registry.gauge(
                    "headwater.drift.score",
                    Tags.of("task", task, "cause", cause),
                    new AtomicReference<>(0.0),
                    AtomicReference::get))
        .set(score);
  }

  @Override
  public void drifted(String task, String cause) {
    registry.counter("headwater.drift.alarms", "task", task, "cause", cause).increment();
  }

  @Override
  public void judged(String task, boolean accepted) {
    registry
        .counter(
            "headwater.gate.verdicts", "task", task, "verdict", accepted ? "accepted" : "refused")
        .increment();
  }

  @Override
  public void withdrawn(String task, long version) {
    Counter.builder("headwater.heads.withdrawn")
        .description("Heads taken back because they proved worse than their parent")
        .tag("task", task)
        .register(registry)
        .increment();
  }
}
