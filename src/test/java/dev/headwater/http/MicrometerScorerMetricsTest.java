package dev.headwater.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class MicrometerScorerMetricsTest {
  @Test
  void theAlertsCountWhatKeptTheirObjectiveToTheMillisecond() throws Exception {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    MicrometerScorerMetrics metrics = new MicrometerScorerMetrics(registry, List.of("kind"));
    metrics.predicted(1000);
    metrics.predicted(1001);

    String rules = Files.readString(Path.of("deploy", "prometheus", "headwater.rules.yml"));
    String bucket =
        Pattern.compile("headwater_record_latency_seconds_bucket\\{le=\"[^\"]+\"}")
            .matcher(rules)
            .results()
            .map(match -> match.group())
            .distinct()
            .collect(Collectors.joining());
    assertThat(registry.scrape()).contains("\n" + bucket + " 1\n");
  }
}
