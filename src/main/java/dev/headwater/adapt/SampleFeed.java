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
 * The samples topic from its beginning: first all that was on it, in order of time, then the rest,
 * partitions added since included. What is no sample is skipped with a warning: it must not keep
 * the trainer from those that are. A topic that is made anew while it is read ends the feed by a
 * {@link KafkaException}: what was read is no longer what there is.
 */
final class SampleFeed implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SampleFeed.class);
  private static final Duration POLL = Duration.ofMillis(100);
  private static final Duration PARTITIONS = Duration.ofSeconds(10);
  private static final Duration ANSWER = Duration.ofSeconds(5);

  /** After a long training more may have come than there is memory for. */
  private static final long MOST_BYTES = 64 << 20;

  /**
   * A sample and where it was read.
   *
   * @param sample null where all samples of the record are to be forgotten
   * @param at when it was appended, epoch milliseconds
   */
  record Arrival(String recordId, @Nullable Sample sample, int partition, long offset, long at) {}

  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Topic<String, Sample> topic;
  private final Map<Integer, Long> last = new HashMap<>();
  private Instant looked = Instant.EPOCH;
  private Instant polled = Instant.EPOCH;
  private boolean answered;

  SampleFeed(Map<String, Object> kafka, Topic<String, Sample> topic) {
    this.topic = topic;
    consumer =
        new KafkaConsumer<>(
            ReaderConfig.of(kafka), new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /**
   * Hands out everything on the topic now, oldest first. Of each partition it holds what one poll
   * brought: the topic is as long as its retention makes it, and fits no memory.
   *
   * @return by partition, where it ended
   */
  Map<Integer, Long> history(Consumer<Arrival> take) {
    List<TopicPartition> partitions = assign();
    if (partitions.isEmpty()) {
      throw new KafkaException(
          "topic %s is missing: make it with 'topics create'".formatted(topic.name()));
    }
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    Map<TopicPartition, Deque<Arrival>> read = new HashMap<>();
    while (true) {
      List<TopicPartition> wanted = wanted(ends, read);
      Optional<Deque<Arrival>> oldest = oldest(read);
      if (!wanted.isEmpty()) {
        consumer.pause(partitions);
        consumer.resume(wanted);
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          TopicPartition of = new TopicPartition(record.topic(), record.partition());
          arrival(record).ifPresent(read.computeIfAbsent(of, p -> new ArrayDeque<>())::addLast);
        }
      } else if (oldest.isPresent()) {
        take.accept(oldest.get().removeFirst());
      } else {
        consumer.resume(partitions);
        return ends.entrySet().stream()
            .collect(Collectors.toMap(end -> end.getKey().partition(), Map.Entry::getValue));
      }
    }
  }

  /** Those that have more, of which nothing is read ahead: any of it may be the oldest. */
  private List<TopicPartition> wanted(
      Map<TopicPartition, Long> ends, Map<TopicPartition, Deque<Arrival>> read) {
    return ends.entrySet().stream()
        .filter(end -> Optional.ofNullable(read.get(end.getKey())).map(Deque::isEmpty).orElse(true))
        .filter(end -> consumer.position(end.getKey()) < end.getValue())
        .map(Map.Entry::getKey)
        .toList();
  }

  private static Optional<Deque<Arrival>> oldest(Map<TopicPartition, Deque<Arrival>> read) {
    return read.values().stream()
        .filter(of -> !of.isEmpty())
        .min(Comparator.comparingLong(of -> of.getFirst().at()));
  }

  /**
   * All that has come since the last call, or the first {@link #MOST_BYTES} of it; waits a moment
   * for it. One fetch brings a megabyte of a partition at most, which is twenty samples of a deep
   * cut, and one that lies ready was made before whatever the caller has done since.
   */
  List<Arrival> poll() {
    if (looked.plus(PARTITIONS).isBefore(Instant.now())) {
      look();
    }
    List<Arrival> arrivals = new ArrayList<>();
    boolean stale = polled.plus(POLL).isBefore(Instant.now());
    long bytes = 0;
    boolean more = true;
    while (more) {
      long came = fetch(arrivals);
      bytes += came;
      more = came > 0 && bytes < MOST_BYTES && (stale || lag() > 0);
      stale = false;
    }
    polled = Instant.now();
    return arrivals;
  }

  /** How many bytes came. */
  private long fetch(List<Arrival> arrivals) {
    long bytes = 0;
    for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
      arrival(record).ifPresent(arrivals::add);
      bytes += Math.max(1, record.serializedValueSize());
    }
    return bytes;
  }

  private void look() {
    try {
      assign();
    } catch (TimeoutException e) {
      // the consumer goes on by itself once the broker is back, and nothing read is lost till then
      answered = false;
      log.atWarn().addKeyValue("topic", topic.name()).setCause(e).log("the broker does not answer");
    }
  }

  /** Whether the broker answered when it was last asked. */
  boolean answered() {
    return answered;
  }

  /** Records on the topic that are not read yet, as of the last poll. */
  long lag() {
    return consumer.assignment().stream()
        .mapToLong(partition -> consumer.currentLag(partition).orElse(0))
        .sum();
  }

  @SuppressWarnings("NullAway") // Kafka's keys and values may be null
  private Optional<Arrival> arrival(ConsumerRecord<byte[], byte[]> record) {
    Long before = last.put(record.partition(), record.offset());
    if (before != null && record.offset() <= before) {
      throw new KafkaException("topic %s was made anew: it begins again".formatted(topic.name()));
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
      // It will never be readable, and nothing depends on it but itself.
      log.atWarn()
          .addKeyValue("topic", record.topic())
          .addKeyValue("partition", record.partition())
          .addKeyValue("offset", record.offset())
          .setCause(e)
          .log("skipped what is no sample");
      return Optional.empty();
    }
  }

  /** Takes on every partition there is, new ones from their beginning. */
  private List<TopicPartition> assign() {
    looked = Instant.now();
    List<TopicPartition> partitions =
        consumer.partitionsFor(topic.name(), ANSWER).stream()
            .map(info -> new TopicPartition(info.topic(), info.partition()))
            .toList();
    answered = true;
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
