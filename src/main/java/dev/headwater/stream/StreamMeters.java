package dev.headwater.stream;

import dev.headwater.schema.Topic;
import dev.headwater.schema.Topics;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.kafka.KafkaStreamsMetrics;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.streams.KafkaStreams;
import org.jspecify.annotations.Nullable;

/**
 * What Kafka Streams measures of itself as it is, and of it the one number that says whether
 * scoring keeps up, under a name that no thread and no partition is part of.
 */
final class StreamMeters implements AutoCloseable {
  private final MeterRegistry registry;
  private volatile @Nullable KafkaStreams streams;
  private volatile @Nullable KafkaStreamsMetrics bound;

  StreamMeters(MeterRegistry registry, Topics topics) {
    this.registry = registry;
    Stream.concat(
            topics.records().stream(),
            Stream.of(topics.labels(), topics.pending(), topics.labelsById()))
        .map(Topic::name)
        .forEach(this::registerLag);
  }

  private void registerLag(String topic) {
    Gauge.builder("headwater.consumer.lag", this, meters -> meters.lag(topic))
        .description("Records behind, over the partitions held here")
        .baseUnit("records")
        .tag("topic", topic)
        .register(registry);
  }

  <T> void gauge(String name, String unit, String description, T of, ToDoubleFunction<T> value) {
    Gauge.builder(name, of, value)
        .description(description)
        .baseUnit(unit.isEmpty() ? null : unit)
        .register(registry);
  }

  /** From here on the client's own metrics are there as well. */
  void started(KafkaStreams client) {
    streams = client;
    KafkaStreamsMetrics metrics = new KafkaStreamsMetrics(client);
    metrics.bindTo(registry);
    bound = metrics;
  }

  private double lag(String topic) {
    KafkaStreams client = streams;
    double lag = 0;
    if (client != null) {
      for (Map.Entry<MetricName, ? extends Metric> entry : client.metrics().entrySet()) {
        lag += isLag(entry.getKey(), topic) ? behind(entry.getValue()) : 0;
      }
    }
    return lag;
  }

  private static boolean isLag(MetricName name, String topic) {
    return name.name().equals("records-lag")
        && topic.equals(name.tags().get("topic"))
        && !name.tags().getOrDefault("client-id", "").endsWith("restore-consumer");
  }

  private static double behind(Metric metric) {
    return metric.metricValue() instanceof Double lag && lag > 0 ? lag : 0;
  }

  @Override
  public void close() {
    KafkaStreamsMetrics metrics = bound;
    if (metrics != null) {
      metrics.close();
    }
  }
}
