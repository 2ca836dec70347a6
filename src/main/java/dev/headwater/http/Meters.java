package dev.headwater.http;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.Arrays;

/** Creates meters with descriptions, and timers with a common range of histogram buckets. */
record Meters(MeterRegistry registry) {
  Counter counter(String name, String description, Tag... tags) {
    return Counter.builder(name)
        .description(description)
        .tags(Arrays.asList(tags))
        .register(registry);
  }

  Timer timer(String name, String description, Tag... tags) {
    return histogram(name, description).tags(Arrays.asList(tags)).register(registry);
  }

  /** Creates a timer with an extra bucket at the objective, to count durations that meet it. */
  Timer timer(String name, String description, Duration objective) {
    return histogram(name, description).serviceLevelObjectives(objective).register(registry);
  }

  private static Timer.Builder histogram(String name, String description) {
    return Timer.builder(name)
        .description(description)
        .publishPercentileHistogram()
        .minimumExpectedValue(Duration.ofNanos(100_000))
        .maximumExpectedValue(Duration.ofMinutes(1));
  }
}
