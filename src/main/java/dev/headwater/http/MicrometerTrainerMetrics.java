package dev.headwater.http;

import dev.headwater.metrics.TrainerMetrics;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;

/** {@link TrainerMetrics} as Micrometer meters. */
public final class MicrometerTrainerMetrics implements TrainerMetrics {
  private final MeterRegistry registry;
  private final Counter samples;
  private final AtomicInteger memory = new AtomicInteger();

  public MicrometerTrainerMetrics(MeterRegistry registry) {
    this.registry = registry;
    samples =
        Counter.builder("headwater.trainer.samples")
            .description("Labelled samples taken into memory")
            .register(registry);
    registry.gauge("headwater.trainer.memory.samples", memory);
  }

  @Override
  public void sampled(int memorySize) {
    samples.increment();
    memory.set(memorySize);
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
  public void judged(String task, boolean accepted) {
    registry
        .counter(
            "headwater.gate.verdicts", "task", task, "verdict", accepted ? "accepted" : "refused")
        .increment();
  }
}
