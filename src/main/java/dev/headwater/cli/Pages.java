package dev.headwater.cli;

import dev.headwater.bundle.Bundle;
import dev.headwater.config.Settings;
import dev.headwater.http.Status;
import dev.headwater.metrics.Health;
import dev.headwater.schema.HeadInfo;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Supplier;

/** Creates the status pages of scorer, trainer and replay. */
final class Pages {
  /** Sampling interval of the history on a page. */
  static final Duration INTERVAL = Duration.ofSeconds(5);

  private Pages() {}

  static Status status(
      Settings settings,
      Bundle bundle,
      PrometheusMeterRegistry registry,
      String role,
      Supplier<Health> ready,
      Supplier<List<HeadInfo>> heads,
      Optional<URI> trainer) {
    Map<String, Double> thresholds = new TreeMap<>();
    for (String task : bundle.taskNames()) {
      thresholds.put(task, settings.stream().selection().lowConfidence(task).threshold());
    }
    return new Status(
        registry, new Status.About(settings.name(), role, thresholds), ready, heads, trainer);
  }
}
