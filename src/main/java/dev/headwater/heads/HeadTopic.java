package dev.headwater.heads;

import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.ReaderConfig;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Topic;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.ToLongFunction;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the committed records of the heads topic's only partition, from the beginning. */
final class HeadTopic implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HeadTopic.class);
  private static final Duration METADATA_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration POLL = Duration.ofMillis(200);
  private static final int FETCH_WAIT_MS = 20;

  /** Longer than the default transaction timeout, because an open transaction blocks readers. */
  private static final Duration READ_TIMEOUT = Duration.ofSeconds(90);

  private final KafkaConsumer<String, byte[]> consumer;
  private final TopicPartition partition;
  private final Signatures signatures;
  private final BiConsumer<@Nullable String, RejectedHeadException> onInvalidRecord;
  private final ToLongFunction<HeadInfo> maxBytes;
  private HeadStore store;
  private boolean rereading;

  /**
   * Creates a reader, positioned at the beginning of the topic.
   *
   * @param signatures verifies each record; unverified records are ignored
   * @param maxBytes returns the maximum size of a head in bytes
   * @param onInvalidRecord called with the key and the reason of each invalid record; must not
   *     throw
   */
  HeadTopic(
      Map<String, Object> kafka,
      Topic<String, byte[]> heads,
      Signatures signatures,
      ToLongFunction<HeadInfo> maxBytes,
      BiConsumer<@Nullable String, RejectedHeadException> onInvalidRecord) {
    this.signatures = signatures;
    this.maxBytes = maxBytes;
    store = new HeadStore(maxBytes);
    this.onInvalidRecord = onInvalidRecord;
    partition = new TopicPartition(heads.name(), 0);
    consumer =
        new KafkaConsumer<>(
            config(kafka), heads.key().deserializer(), heads.value().deserializer());
    consumer.assign(List.of(partition));
    consumer.seekToBeginning(List.of(partition));
  }

  /** Creates a reader without a size limit per head, which logs invalid records. */
  HeadTopic(Map<String, Object> kafka, Topic<String, byte[]> heads, Signatures signatures) {
    this(
        kafka,
        heads,
        signatures,
        info -> Long.MAX_VALUE,
        (key, why) ->
            log.atWarn()
                .addKeyValue("topic", heads.name())
                .addKeyValue("key", key)
                .log(why.getMessage()));
  }

  /** Returns the content read so far. */
  HeadStore store() {
    return store;
  }

  /**
   * Reads to the end of the committed records, and at least up to {@code offset}.
   *
   * @throws TimeoutException if the broker does not respond, or if a transaction of another writer
   *     that started before {@code offset} stays open
   * @throws UnknownTopicOrPartitionException if the topic does not exist
   */
  void readTo(long offset) {
    long end = Math.max(end(), offset);
    if (consumer.position(partition, METADATA_TIMEOUT) > end) {
      startOver();
    }
    long deadline = System.nanoTime() + READ_TIMEOUT.toNanos();
    while (consumer.position(partition, METADATA_TIMEOUT) < end) {
      if (System.nanoTime() > deadline) {
        throw new TimeoutException(
            "topic %s: still at offset %d of %d after %s: another transaction may be open"
                .formatted(partition.topic(), consumer.position(partition), end, READ_TIMEOUT));
      }
      try {
        poll(POLL);
      } catch (OffsetOutOfRangeException e) {
        // the topic was deleted and recreated
        startOver();
      }
    }
    if (readsAgain()) {
      readTo(offset);
    }
  }

  /**
   * At the end of the topic: seeks to the beginning if a needed head was evicted from memory, and
   * returns whether it did. Never twice in a row, because the head may not fit at all.
   */
  boolean readsAgain() {
    rereading = !rereading && store.wantsAgain();
    if (rereading) {
      consumer.seekToBeginning(List.of(partition));
    }
    return rereading;
  }

  /** Applies the records that arrive within the timeout and returns their number. */
  int poll(Duration timeout) {
    ConsumerRecords<String, byte[]> records = consumer.poll(timeout);
    for (ConsumerRecord<String, byte[]> record : records) {
      try {
        signatures.check(record);
        store.apply(record.key(), record.value());
      } catch (RejectedHeadException e) {
        onInvalidRecord.accept(record.key(), e);
      }
    }
    return records.count();
  }

  /** Returns the offset of the next record to read. */
  long position() {
    return consumer.position(partition, METADATA_TIMEOUT);
  }

  /** Returns the offset after the last committed record. */
  long end() {
    if (consumer.partitionsFor(partition.topic(), METADATA_TIMEOUT).isEmpty()) {
      throw new UnknownTopicOrPartitionException(
          "topic %s does not exist: create it with 'headwater topics create'"
              .formatted(partition.topic()));
    }
    return consumer.endOffsets(List.of(partition), METADATA_TIMEOUT).getOrDefault(partition, 0L);
  }

  /** Makes a blocked call of another thread throw {@code WakeupException}. */
  void wakeup() {
    consumer.wakeup();
  }

  @Override
  public void close() {
    consumer.close();
  }

  private void startOver() {
    store = new HeadStore(maxBytes);
    consumer.seekToBeginning(List.of(partition));
  }

  private static Map<String, Object> config(Map<String, Object> kafka) {
    Map<String, Object> config = ReaderConfig.of(kafka);
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
    // a broker processes one request per connection at a time, so a request for the end offset
    // would wait for a pending fetch, by default 500 ms
    config.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, FETCH_WAIT_MS);
    return config;
  }
}
