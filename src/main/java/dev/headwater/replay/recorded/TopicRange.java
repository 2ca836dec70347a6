package dev.headwater.replay.recorded;

import dev.headwater.schema.ReaderConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A reader of the committed records in a range of topics. The range is fixed on opening. It does
 * not join a consumer group. Not thread-safe.
 */
public final class TopicRange implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration TIMEOUT = Duration.ofMinutes(1);

  private final Consumer<byte[], byte[]> consumer;
  private final Map<TopicPartition, Long> ends;
  private final LongSupplier nanoTime;
  private long lastLeft = -1;
  private long lastProgress;

  TopicRange(
      Consumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends, LongSupplier nanoTime) {
    this.consumer = consumer;
    this.ends = ends;
    this.nanoTime = nanoTime;
  }

  /** Opens the current content of a topic. */
  public static TopicRange all(Map<String, Object> kafka, String topic) {
    return open(kafka, List.of(topic), Bound.BEGINNING, Bound.NOW);
  }

  /**
   * Opens a range of topics.
   *
   * @param until exclusive end
   * @throws KafkaException if a topic is missing or the broker does not respond
   */
  public static TopicRange open(
      Map<String, Object> kafka, Collection<String> topics, Bound from, Bound until) {
    return open(kafka, topics, from, until, Optional.empty());
  }

  /**
   * Opens a range as {@link #open(Map, Collection, Bound, Bound)} does.
   *
   * @param group consumer group that stores the {@link #positions}
   */
  static TopicRange open(
      Map<String, Object> kafka,
      Collection<String> topics,
      Bound from,
      Bound until,
      Optional<String> group) {
    Map<String, Object> config = ReaderConfig.of(kafka);
    group.ifPresent(name -> config.put(ConsumerConfig.GROUP_ID_CONFIG, name));
    Consumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    try {
      List<TopicPartition> partitions = new ArrayList<>();
      for (String topic : topics) {
        partitions.addAll(partitions(consumer, topic));
      }
      consumer.assign(partitions);
      TopicRange range =
          new TopicRange(consumer, new HashMap<>(until.in(consumer, partitions)), System::nanoTime);
      from.in(consumer, partitions).forEach(range::seek);
      return range;
    } catch (RuntimeException e) {
      consumer.close();
      throw e;
    }
  }

  private static List<TopicPartition> partitions(Consumer<?, ?> consumer, String topic) {
    List<TopicPartition> partitions =
        consumer.partitionsFor(topic).stream()
            .map(info -> new TopicPartition(topic, info.partition()))
            .toList();
    if (partitions.isEmpty()) {
      throw new KafkaException("topic " + topic + " does not exist");
    }
    return partitions;
  }

  /**
   * Seeks to the committed offsets of the group. Partitions without one keep their position.
   *
   * @return the metadata of the offsets; empty if there are none
   */
  Optional<String> resume() {
    List<OffsetAndMetadata> found = new ArrayList<>();
    consumer
        .committed(ends.keySet())
        .forEach(
            (partition, committed) -> {
              if (committed != null) {
                seek(partition, committed.offset());
                found.add(committed);
              }
            });
    return found.stream().map(OffsetAndMetadata::metadata).findFirst();
  }

  /** Seeks a partition; an offset behind the end makes its range empty. */
  private void seek(TopicPartition partition, long offset) {
    ends.merge(partition, offset, Math::max);
    consumer.seek(partition, offset);
  }

  /** Returns the number of offsets left to read; some of them may hold no record. */
  public long left() {
    return ends.entrySet().stream()
        .mapToLong(end -> Math.max(0, end.getValue() - consumer.position(end.getKey())))
        .sum();
  }

  /**
   * Returns the next records, in order within each partition; empty if none arrive in time.
   *
   * @throws KafkaException without progress for a minute; a consumer alone would wait for an
   *     unreachable broker forever
   */
  public List<ConsumerRecord<byte[], byte[]>> poll() {
    requireProgress();
    List<TopicPartition> done =
        ends.entrySet().stream()
            .filter(end -> consumer.position(end.getKey()) >= end.getValue())
            .map(Map.Entry::getKey)
            .toList();
    consumer.pause(done);
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    consumer.poll(POLL).forEach(records::add);
    records.removeIf(record -> record.offset() >= end(record));
    return records;
  }

  private void requireProgress() {
    long left = left();
    if (left != lastLeft) {
      lastLeft = left;
      lastProgress = nanoTime.getAsLong();
    } else if (nanoTime.getAsLong() - lastProgress > TIMEOUT.toNanos()) {
      throw new KafkaException(
          "no data from the broker for topics %s for %d s, with %d offsets left"
              .formatted(
                  ends.keySet().stream().map(TopicPartition::topic).distinct().sorted().toList(),
                  TIMEOUT.toSeconds(),
                  left));
    }
  }

  private long end(ConsumerRecord<?, ?> record) {
    return ends.getOrDefault(new TopicPartition(record.topic(), record.partition()), 0L);
  }

  /** Returns the group metadata; the group is never joined. */
  ConsumerGroupMetadata group() {
    return consumer.groupMetadata();
  }

  /**
   * Returns the offsets behind the last polled record, by partition.
   *
   * @param note metadata stored with each offset
   */
  Map<TopicPartition, OffsetAndMetadata> positions(String note) {
    Map<TopicPartition, OffsetAndMetadata> positions = new HashMap<>();
    ends.forEach(
        (partition, end) ->
            positions.put(
                partition,
                new OffsetAndMetadata(Math.min(end, consumer.position(partition)), note)));
    return positions;
  }

  @Override
  public void close() {
    consumer.close();
  }
}
