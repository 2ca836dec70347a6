package dev.headwater.http;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/** Which head is live: as a number, and as the label of a series that the next head replaces. */
final class HeadMeters {
  private final MeterRegistry registry;
  private final MultiGauge info;
  private final Map<String, AtomicLong> versions = new TreeMap<>();

  HeadMeters(MeterRegistry registry) {
    this.registry = registry;
    info =
        MultiGauge.builder("headwater.head.info")
            .description("1 for the head that is live, by its version")
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

  private AtomicLong register(String task) {
    AtomicLong version = new AtomicLong();
    Gauge.builder("headwater.head.version", version, AtomicLong::get)
        .description("Version of the head that is live")
        .tag("task", task)
        .register(registry);
    return version;
  }
}
