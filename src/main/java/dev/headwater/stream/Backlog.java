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
 * What is on the broker and not committed by this client's group, over the partitions it holds. The
 * broker itself is asked: a consumer that is held up does not see what comes meanwhile, and does
 * not count what it has polled. Nobody waits for the answer, so it is of the look before this one.
 * Thread-safe.
 */
final class Backlog implements AutoCloseable {
  private static final long PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final KafkaStreams client;
  private final Admin admin;
  private final String group;
  private final Set<String> topics;
  private final AtomicBoolean asking = new AtomicBoolean();
  private volatile long askedAt = System.nanoTime() - PAUSE_NANOS;
  private volatile Map<TopicPartition, Long> behind = Map.of();

  /**
   * @param topics that are read
   * @param kafka client properties
   * @param group of the client
   */
  Backlog(KafkaStreams client, Set<String> topics, Map<String, Object> kafka, String group) {
    this.client = client;
    this.topics = topics;
    this.admin = Admin.create(kafka);
    this.group = group;
  }

  /** In records; NaN while the broker has not told. */
  double of(String topic) {
    Set<TopicPartition> held = held();
    boolean due = !held.isEmpty() && System.nanoTime() - askedAt >= PAUSE_NANOS;
    if (due && asking.compareAndSet(false, true)) {
      askedAt = System.nanoTime();
      ask(held);
    }
    Map<TopicPartition, Long> known = behind;
    return held.stream()
        .filter(partition -> partition.topic().equals(topic))
        .mapToDouble(
            partition -> {
              Long records = known.get(partition);
              return records == null ? Double.NaN : records;
            })
        .sum();
  }

  /**
   * Those that its consumers have fetched from: of what its threads say that they hold, a thread
   * that is held up has not said it yet.
   */
  private Set<TopicPartition> held() {
    Set<TopicPartition> held = new HashSet<>();
    // of a topic with a dot in its name there is the same once more under a name without one
    for (MetricName name : client.metrics().keySet()) {
      Map<String, String> tags = name.tags();
      String consumer = tags.getOrDefault("client-id", "");
      if (name.name().equals("records-lag")
          && !consumer.endsWith("restore-consumer")
          && topics.contains(tags.get("topic"))) {
        held.add(new TopicPartition(tags.get("topic"), Integer.parseInt(tags.get("partition"))));
      }
    }
    return held;
  }

  private void ask(Set<TopicPartition> held) {
    CompletionStage<Map<TopicPartition, OffsetAndMetadata>> committed =
        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().toCompletionStage();
    committed
        .thenCombine(offsets(held, OffsetSpec.earliest()), Backlog::positions)
        .thenCombine(offsets(held, OffsetSpec.latest()), Backlog::behind)
        .whenComplete(
            (told, failure) -> {
              behind = failure == null ? told : Map.of();
              asking.set(false);
            });
  }

  private CompletionStage<Map<TopicPartition, ListOffsetsResultInfo>> offsets(
      Set<TopicPartition> of, OffsetSpec spec) {
    return admin
        .listOffsets(
            of.stream().collect(Collectors.toMap(partition -> partition, partition -> spec)),
            new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
        .all()
        .toCompletionStage();
  }

  /** Where nothing is committed yet, the beginning is. */
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

  private static Map<TopicPartition, Long> behind(
      Map<TopicPartition, Long> positions, Map<TopicPartition, ListOffsetsResultInfo> ends) {
    Map<TopicPartition, Long> behind = new HashMap<>();
    ends.forEach(
        (partition, end) -> {
          long position = positions.getOrDefault(partition, end.offset());
          behind.put(partition, Math.max(0, end.offset() - position));
        });
    return behind;
  }

  @Override
  public void close() {
    admin.close();
  }
}
