package dev.headwater.stream;

import dev.headwater.schema.Topic;
import dev.headwater.schema.Topics;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.kafka.KafkaStreamsMetrics;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.streams.KafkaStreams;
import org.jspecify.annotations.Nullable;

/** Registers the metrics of Kafka Streams, and the consumer lag per topic. */
final class StreamMeters implements AutoCloseable {
  private final MeterRegistry registry;
  private final Map<String, Object> kafka;
  private final String group;
  private final Set<String> topics;
  private volatile @Nullable ConsumerLag consumerLag;
  private volatile @Nullable KafkaStreamsMetrics bound;

  StreamMeters(MeterRegistry registry, Topics topics, Map<String, Object> kafka, String group) {
    this.registry = registry;
    this.kafka = kafka;
    this.group = group;
    this.topics =
        Stream.concat(
                topics.records().stream(),
                Stream.of(topics.labels(), topics.pending(), topics.labelsById()))
            .map(Topic::name)
            .collect(Collectors.toUnmodifiableSet());
    this.topics.forEach(this::registerLag);
  }

  private void registerLag(String topic) {
    Gauge.builder("headwater.consumer.lag", this, meters -> meters.lag(topic))
        .description(
            "Records not yet committed, over the partitions of this instance; NaN if the broker"
                + " does not answer")
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

  /**
   * Binds the metrics of a Kafka Streams client. The binder removes meters that have fewer tags
   * than it set. Because our registry drops a tag, it is given a composite registry that keeps
   * them.
   */
  void started(KafkaStreams client) {
    consumerLag = new ConsumerLag(client, topics, kafka, group);
    KafkaStreamsMetrics metrics = new KafkaStreamsMetrics(client);
    metrics.bindTo(new CompositeMeterRegistry(Clock.SYSTEM, List.of(registry)));
    bound = metrics;
  }

  private double lag(String topic) {
    ConsumerLag lag = consumerLag;
    return lag == null ? 0 : lag.of(topic);
  }

  @Override
  public void close() {
    KafkaStreamsMetrics metrics = bound;
    if (metrics != null) {
      metrics.close();
    }
    ConsumerLag lag = consumerLag;
    if (lag != null) {
      lag.close();
    }
  }
}
