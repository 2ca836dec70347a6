package dev.headwater.adapt;

import dev.headwater.schema.ReaderConfig;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Topic;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads the samples topic from its beginning: first the existing records in timestamp order, then
 * new ones, including those of partitions added later.
 *
 * <p>Failure contract: undecodable records are skipped with a warning. If the topic is recreated
 * while it is read, the feed throws a {@link KafkaException}, because earlier records no longer
 * exist.
 */
final class SampleFeed implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SampleFeed.class);
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration PARTITION_REFRESH = Duration.ofSeconds(10);
  private static final Duration METADATA_TIMEOUT = Duration.ofSeconds(5);

  /** Limit per poll: the records that arrive during a long training may exceed the heap. */
  private static final long MAX_POLL_BYTES = 64 << 20;

  /**
   * A sample with its position in the topic.
   *
   * @param sample the sample; null if the record is erased (a tombstone)
   * @param at record timestamp in epoch milliseconds
   */
  record Arrival(String recordId, @Nullable Sample sample, int partition, long offset, long at) {}

  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Topic<String, Sample> topic;
  private final Map<Integer, Long> lastOffsets = new HashMap<>();
  private Instant refreshedAt = Instant.EPOCH;
  private Instant polledAt = Instant.EPOCH;
  private boolean reachable;

  SampleFeed(Map<String, Object> kafka, Topic<String, Sample> topic) {
    this.topic = topic;
    consumer =
        new KafkaConsumer<>(
            ReaderConfig.of(kafka), new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /**
   * Reads all existing records, oldest first. It buffers one poll per partition, because the whole
   * topic may not fit into memory.
   *
   * @return end offset of each partition, exclusive
   */
  Map<Integer, Long> history(Consumer<Arrival> handler) {
    List<TopicPartition> partitions = assign();
    if (partitions.isEmpty()) {
      throw new KafkaException(
          "topic %s does not exist: create it with 'topics create'".formatted(topic.name()));
    }
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    Map<TopicPartition, Deque<Arrival>> buffers = new HashMap<>();
    while (true) {
      List<TopicPartition> unfinished = unfinished(ends, buffers);
      Optional<Deque<Arrival>> oldest = oldest(buffers);
      if (!unfinished.isEmpty()) {
        consumer.pause(partitions);
        consumer.resume(unfinished);
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          TopicPartition from = new TopicPartition(record.topic(), record.partition());
          arrival(record)
              .ifPresent(buffers.computeIfAbsent(from, p -> new ArrayDeque<>())::addLast);
        }
      } else if (oldest.isPresent()) {
        handler.accept(oldest.get().removeFirst());
      } else {
        consumer.resume(partitions);
        return ends.entrySet().stream()
            .collect(Collectors.toMap(end -> end.getKey().partition(), Map.Entry::getValue));
      }
    }
  }

  /** Returns the unfinished partitions without a buffered record: any may hold the oldest one. */
  private List<TopicPartition> unfinished(
      Map<TopicPartition, Long> ends, Map<TopicPartition, Deque<Arrival>> buffers) {
    return ends.entrySet().stream()
        .filter(
            end -> Optional.ofNullable(buffers.get(end.getKey())).map(Deque::isEmpty).orElse(true))
        .filter(end -> consumer.position(end.getKey()) < end.getValue())
        .map(Map.Entry::getKey)
        .toList();
  }

  private static Optional<Deque<Arrival>> oldest(Map<TopicPartition, Deque<Arrival>> buffers) {
    return buffers.values().stream()
        .filter(buffer -> !buffer.isEmpty())
        .min(Comparator.comparingLong(buffer -> buffer.getFirst().at()));
  }

  /**
   * Returns the records since the last call, up to {@link #MAX_POLL_BYTES}; waits briefly for them.
   *
   * <p>It polls repeatedly: one fetch returns at most 1 MiB per partition, about twenty samples of
   * a deep cut. After a pause, the first fetch may have been prefetched before the caller's last
   * work, so it polls once more.
   */
  List<Arrival> poll() {
    if (refreshedAt.plus(PARTITION_REFRESH).isBefore(Instant.now())) {
      refreshPartitions();
    }
    List<Arrival> arrivals = new ArrayList<>();
    boolean stale = polledAt.plus(POLL).isBefore(Instant.now());
    long bytes = 0;
    boolean more = true;
    while (more) {
      long fetched = fetch(arrivals);
      bytes += fetched;
      more = fetched > 0 && bytes < MAX_POLL_BYTES && (stale || lag() > 0);
      stale = false;
    }
    polledAt = Instant.now();
    return arrivals;
  }

  /** Polls once and returns the number of bytes read. */
  private long fetch(List<Arrival> arrivals) {
    long bytes = 0;
    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
      arrival(record).ifPresent(arrivals::add);
      bytes += Math.max(1, record.serializedValueSize());
    }
    return bytes;
  }

  private void refreshPartitions() {
    try {
      assign();
    } catch (TimeoutException e) {
      // the consumer reconnects by itself, and keeps its position until then
      reachable = false;
      log.atWarn()
          .addKeyValue("topic", topic.name())
          .setCause(e)
          .log("broker unreachable; retrying");
    }
  }

  /** Returns whether the last metadata request succeeded. */
  boolean answered() {
    return reachable;
  }

  /** Returns the number of unread records on the topic, as of the last poll. */
  long lag() {
    return consumer.assignment().stream()
        .mapToLong(partition -> consumer.currentLag(partition).orElse(0))
        .sum();
  }

  @SuppressWarnings("NullAway") // Kafka's keys and values may be null
  private Optional<Arrival> arrival(ConsumerRecord<byte[], byte[]> record) {
    Long previous = lastOffsets.put(record.partition(), record.offset());
    if (previous != null && record.offset() <= previous) {
      throw new KafkaException(
          "topic %s was recreated: its offsets start over".formatted(topic.name()));
    }
    try {
      Sample sample = topic.value().deserializer().deserialize(topic.name(), record.value());
      String id =
          sample == null
              ? topic.key().deserializer().deserialize(topic.name(), record.key())
              : sample.getRecordId();
      return Optional.ofNullable(id)
          .map(
              known ->
                  new Arrival(
                      known, sample, record.partition(), record.offset(), record.timestamp()));
    } catch (SerializationException e) {
      // retrying cannot help, and no other record depends on it
      log.atWarn()
          .addKeyValue("topic", record.topic())
          .addKeyValue("partition", record.partition())
          .addKeyValue("offset", record.offset())
          .setCause(e)
          .log("skipping undecodable record on the samples topic");
      return Optional.empty();
    }
  }

  /** Assigns all partitions; new ones are read from their beginning. */
  private List<TopicPartition> assign() {
    refreshedAt = Instant.now();
    List<TopicPartition> partitions =
        consumer.partitionsFor(topic.name(), METADATA_TIMEOUT).stream()
            .map(info -> new TopicPartition(info.topic(), info.partition()))
            .toList();
    reachable = true;
    List<TopicPartition> added =
        partitions.stream().filter(p -> !consumer.assignment().contains(p)).toList();
    if (!added.isEmpty()) {
      consumer.assign(partitions);
      consumer.seekToBeginning(added);
    }
    return partitions;
  }

  @Override
  public void close() {
    consumer.close();
  }
}
