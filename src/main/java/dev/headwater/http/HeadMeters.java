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
 * Which head is live: as a number, and as the label of a series that the next head replaces; and
 * which one is on trial.
 */
final class HeadMeters {
  private static final Trial NONE = new Trial(Double.NaN, 0);

  private final MeterRegistry registry;
  private final MultiGauge info;
  private final Map<String, AtomicLong> versions = new TreeMap<>();

  private final Map<String, Trial> trials = new ConcurrentHashMap<>();

  private record Trial(double version, double share) {}

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

  /** Tells of canaries, as scorers do: from the start that there is none. */
  void canaries(List<String> tasks) {
    for (String task : tasks) {
      Gauge.builder("headwater.canary.share", () -> trial(task).share())
          .description("Share of the keys for which a head on trial answers")
          .baseUnit("ratio")
          .tag("task", task)
          .register(registry);
      Gauge.builder("headwater.canary.version", () -> trial(task).version())
          .description("Version of the head on trial; NaN where there is none")
          .tag("task", task)
          .register(registry);
    }
  }

  void canary(String task, long version, double share) {
    trials.put(task, share > 0 ? new Trial(version, share) : NONE);
  }

  private Trial trial(String task) {
    return trials.getOrDefault(task, NONE);
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
