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

/**
 * What Kafka Streams measures of itself as it is, and beside it the one number that says whether
 * scoring keeps up, under a name that no thread and no partition is part of.
 */
final class StreamMeters implements AutoCloseable {
  private final MeterRegistry registry;
  private final Map<String, Object> kafka;
  private final String group;
  private final Set<String> topics;
  private volatile @Nullable Backlog backlog;
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
        .description("Records on the broker and not committed, over the partitions held here")
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
   * From here on the client's own metrics are there as well. Their binder takes a meter that has
   * fewer tags than it gave it for another's and removes it; where the registry drops one, it must
   * be shown the meters as they were.
   */
  void started(KafkaStreams client) {
    backlog = new Backlog(client, topics, kafka, group);
    KafkaStreamsMetrics metrics = new KafkaStreamsMetrics(client);
    metrics.bindTo(new CompositeMeterRegistry(Clock.SYSTEM, List.of(registry)));
    bound = metrics;
  }

  private double lag(String topic) {
    Backlog asked = backlog;
    return asked == null ? 0 : asked.of(topic);
  }

  @Override
  public void close() {
    KafkaStreamsMetrics metrics = bound;
    if (metrics != null) {
      metrics.close();
    }
    Backlog asked = backlog;
    if (asked != null) {
      asked.close();
    }
  }
}
