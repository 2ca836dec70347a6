package dev.headwater.http;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Meters of the live head and the canary. The live version is exported as a gauge value and as a
 * tag of an info series, which is replaced when the version changes.
 */
final class HeadMeters {
  private static final Canary NONE = new Canary(Double.NaN, 0);

  private final MeterRegistry registry;
  private final MultiGauge info;
  private final Map<String, AtomicLong> versions = new TreeMap<>();

  private final Map<String, Canary> canaryByTask = new ConcurrentHashMap<>();

  private record Canary(double version, double share) {}

  HeadMeters(MeterRegistry registry) {
    this.registry = registry;
    info =
        MultiGauge.builder("headwater.head.info")
            .description("Always 1; the version tag is that of the live head")
            .register(registry);
  }

  synchronized void live(String task, long version) {
    versions.computeIfAbsent(task, this::register).set(version);
    info.register(
        versions.entrySet().stream()
            .map(
                live ->
                    Row.of(
                        Tags.of("task", live.getKey(), "version", live.getValue().toString()), 1))
            .toList(),
        true);
  }

  /** Registers the canary meters of scorers, initially without a canary. */
  void canaries(List<String> tasks) {
    for (String task : tasks) {
      Gauge.builder("headwater.canary.share", () -> canaryOf(task).share())
          .description("Fraction of record keys served by the canary head")
          .baseUnit("ratio")
          .tag("task", task)
          .register(registry);
      Gauge.builder("headwater.canary.version", () -> canaryOf(task).version())
          .description("Version of the canary head; NaN without a canary")
          .tag("task", task)
          .register(registry);
    }
  }

  void canary(String task, long version, double share) {
    canaryByTask.put(task, share > 0 ? new Canary(version, share) : NONE);
  }

  private Canary canaryOf(String task) {
    return canaryByTask.getOrDefault(task, NONE);
  }

  private AtomicLong register(String task) {
    AtomicLong version = new AtomicLong();
    Gauge.builder("headwater.head.version", version, AtomicLong::get)
        .description("Version of the live head; absent during a cold start")
        .tag("task", task)
        .register(registry);
    return version;
  }
}
