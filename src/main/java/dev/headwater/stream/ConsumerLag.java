package dev.headwater.stream;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.KafkaStreams;
import org.jspecify.annotations.Nullable;

/**
 * The consumer lag of this client: records on the broker that its group has not committed, over the
 * partitions it holds. The offsets come from the broker, because a blocked consumer does not see
 * new records and does not count the records it has polled. Requests are asynchronous, so a value
 * is from the previous request. Thread-safe.
 */
final class ConsumerLag implements AutoCloseable {
  private static final long MIN_INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final KafkaStreams client;
  private final Admin admin;
  private final String group;
  private final Set<String> topics;
  private final AtomicBoolean requestPending = new AtomicBoolean();
  private volatile long requestedAt = System.nanoTime() - MIN_INTERVAL_NANOS;
  private volatile Map<TopicPartition, Long> lags = Map.of();

  /**
   * @param topics input topics
   * @param kafka client properties
   * @param group consumer group of the client
   */
  ConsumerLag(KafkaStreams client, Set<String> topics, Map<String, Object> kafka, String group) {
    this.client = client;
    this.topics = topics;
    this.admin = Admin.create(kafka);
    this.group = group;
  }

  /** Returns the lag of a topic in records; NaN until the broker has answered. */
  double of(String topic) {
    Set<TopicPartition> assigned = assigned();
    boolean due = !assigned.isEmpty() && System.nanoTime() - requestedAt >= MIN_INTERVAL_NANOS;
    if (due && requestPending.compareAndSet(false, true)) {
      requestedAt = System.nanoTime();
      request(assigned);
    }
    Map<TopicPartition, Long> known = lags;
    return assigned.stream()
        .filter(partition -> partition.topic().equals(topic))
        .mapToDouble(
            partition -> {
              Long records = known.get(partition);
              return records == null ? Double.NaN : records;
            })
        .sum();
  }

  /**
   * Returns the partitions that the consumers fetch from. The thread metadata of Kafka Streams is
   * not used, because a blocked thread does not update it.
   */
  private Set<TopicPartition> assigned() {
    Set<TopicPartition> assigned = new HashSet<>();
    // for a topic with a dot in its name, Kafka also has a metric with the dot replaced
    for (MetricName name : client.metrics().keySet()) {
      Map<String, String> tags = name.tags();
      String consumer = tags.getOrDefault("client-id", "");
      if (name.name().equals("records-lag")
          && !consumer.endsWith("restore-consumer")
          && topics.contains(tags.get("topic"))) {
        assigned.add(
            new TopicPartition(tags.get("topic"), Integer.parseInt(tags.get("partition"))));
      }
    }
    return assigned;
  }

  private void request(Set<TopicPartition> assigned) {
    CompletionStage<Map<TopicPartition, OffsetAndMetadata>> committed =
        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().toCompletionStage();
    committed
        .thenCombine(offsets(assigned, OffsetSpec.earliest()), ConsumerLag::positions)
        .thenCombine(offsets(assigned, OffsetSpec.latest()), ConsumerLag::lags)
        .whenComplete(
            (result, failure) -> {
              lags = failure == null ? result : Map.of();
              requestPending.set(false);
            });
  }

  private CompletionStage<Map<TopicPartition, ListOffsetsResultInfo>> offsets(
      Set<TopicPartition> partitions, OffsetSpec spec) {
    return admin
        .listOffsets(
            partitions.stream()
                .collect(Collectors.toMap(partition -> partition, partition -> spec)),
            new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
        .all()
        .toCompletionStage();
  }

  /** Returns the committed offsets; the beginning of partitions without one. */
  private static Map<TopicPartition, Long> positions(
      Map<TopicPartition, OffsetAndMetadata> committed,
      Map<TopicPartition, ListOffsetsResultInfo> beginnings) {
    Map<TopicPartition, Long> positions = new HashMap<>();
    beginnings.forEach(
        (partition, beginning) -> {
          @Nullable OffsetAndMetadata offset = committed.get(partition);
          positions.put(
              partition, Math.max(beginning.offset(), offset == null ? 0 : offset.offset()));
        });
    return positions;
  }

  private static Map<TopicPartition, Long> lags(
      Map<TopicPartition, Long> positions, Map<TopicPartition, ListOffsetsResultInfo> ends) {
    Map<TopicPartition, Long> lags = new HashMap<>();
    ends.forEach(
        (partition, end) -> {
          long position = positions.getOrDefault(partition, end.offset());
          lags.put(partition, Math.max(0, end.offset() - position));
        });
    return lags;
  }

  @Override
  public void close() {
    admin.close();
  }
}
