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
 * The committed records of a range of topics, read once; the range is fixed when it is opened.
 * Joins no consumer group. Not thread-safe.
 */
public final class TopicRange implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final Consumer<byte[], byte[]> consumer;
  private final Map<TopicPartition, Long> ends;
  private final LongSupplier nanoTime;
  private long leftBefore = -1;
  private long came;

  TopicRange(
      Consumer<byte[], byte[]> consumer, Map<TopicPartition, Long> ends, LongSupplier nanoTime) {
    this.consumer = consumer;
    this.ends = ends;
    this.nanoTime = nanoTime;
  }

  /** All there is on a topic now. */
  public static TopicRange all(Map<String, Object> kafka, String topic) {
    return open(kafka, List.of(topic), Bound.BEGINNING, Bound.NOW);
  }

  /**
   * @param until exclusive
   * @throws KafkaException where a topic is missing or the broker does not answer
   */
  public static TopicRange open(
      Map<String, Object> kafka, Collection<String> topics, Bound from, Bound until) {
    return open(kafka, topics, from, until, Optional.empty());
  }

  /**
   * As {@link #open(Map, Collection, Bound, Bound)}.
   *
   * @param group that {@link #positions} are to be kept under
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
   * Goes on where the group's offsets say; a partition without one stays where it is.
   *
   * @return what was noted with them; empty where there are none
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

  /** A range that would end before it begins is empty. */
  private void seek(TopicPartition partition, long offset) {
    ends.merge(partition, offset, Math::max);
    consumer.seek(partition, offset);
  }

  /** How many offsets there are still to be read; not each of them need be a record. */
  public long left() {
    return ends.entrySet().stream()
        .mapToLong(end -> Math.max(0, end.getValue() - consumer.position(end.getKey())))
        .sum();
  }

  /**
   * The next records, each partition's in order; none for a moment without any.
   *
   * @throws KafkaException where nothing has come for a minute: a consumer waits without end for a
   *     broker that is away
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
    if (left != leftBefore) {
      leftBefore = left;
      came = nanoTime.getAsLong();
    } else if (nanoTime.getAsLong() - came > PATIENCE.toNanos()) {
      throw new KafkaException(
          "the broker has told nothing more of %s for %d s, with %d offsets to go"
              .formatted(
                  ends.keySet().stream().map(TopicPartition::topic).distinct().sorted().toList(),
                  PATIENCE.toSeconds(),
                  left));
    }
  }

  private long end(ConsumerRecord<?, ?> record) {
    return ends.getOrDefault(new TopicPartition(record.topic(), record.partition()), 0L);
  }

  /** The group, which is never joined. */
  ConsumerGroupMetadata group() {
    return consumer.groupMetadata();
  }

  /**
   * Behind the last record that was polled, by partition.
   *
   * @param note kept with each
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
