package dev.headwater.bench;

import dev.headwater.heads.Signatures;
import dev.headwater.http.MicrometerScorerMetrics;
import dev.headwater.replay.Pipeline;
import dev.headwater.schema.Topics;
import dev.headwater.stream.StreamService;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Path;
import java.util.Map;

/** The scorer as in {@code serve}, including metrics, in this JVM. */
record Headwater(String name, Pipeline pipeline) implements Variant {
  Headwater(Pipeline pipeline) {
    this("headwater", pipeline);
  }

  @Override
  public StreamService start(
      Topics topics, String group, Path stateDirectory, Map<String, Object> kafka) {
    return start(
        topics,
        group,
        stateDirectory,
        kafka,
        new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
  }

  /** Starts the scorer with its metrics in the given registry. */
  StreamService start(
      Topics topics,
      String group,
      Path stateDirectory,
      Map<String, Object> kafka,
      PrometheusMeterRegistry registry) {
    StreamService service =
        new StreamService(
            pipeline.stream(group, stateDirectory),
            pipeline.bundle(),
            pipeline.scoring(),
            topics,
            kafka,
            Signatures.NONE,
            new MicrometerScorerMetrics(registry, pipeline.bundle().taskNames()));
    try {
      service.bindTo(registry);
      service.start();
      return service;
    } catch (RuntimeException e) {
      service.close();
      throw e;
    }
  }
}
