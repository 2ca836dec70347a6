package dev.headwater.heads;

import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.ReaderConfig;
import dev.headwater.schema.RefusedHeadException;
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

/** Reading the heads topic's one partition, committed records only, from its beginning. */
final class HeadTopic implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HeadTopic.class);
  private static final Duration METADATA_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration POLL = Duration.ofMillis(200);
  private static final int FETCH_WAIT_MS = 20;

  /** Longer than the default transaction timeout, for an open transaction hides what follows it. */
  private static final Duration READ_TIMEOUT = Duration.ofSeconds(90);

  private final KafkaConsumer<String, byte[]> consumer;
  private final TopicPartition partition;
  private final Signatures signatures;
  private final BiConsumer<@Nullable String, RefusedHeadException> unreadable;
  private final ToLongFunction<HeadInfo> largest;
  private HeadStore store;
  private boolean again;

  /**
   * @param signatures without which a record is no part of any head
   * @param largest bytes that no head like this one exceeds
   * @param unreadable told the key of each record that is no part of any head, and why; it must not
   *     keep anybody from reading those that are
   */
  HeadTopic(
      Map<String, Object> kafka,
      Topic<String, byte[]> heads,
      Signatures signatures,
      ToLongFunction<HeadInfo> largest,
      BiConsumer<@Nullable String, RefusedHeadException> unreadable) {
    this.signatures = signatures;
    this.largest = largest;
    store = new HeadStore(largest);
    this.unreadable = unreadable;
    partition = new TopicPartition(heads.name(), 0);
    consumer =
        new KafkaConsumer<>(
            config(kafka), heads.key().deserializer(), heads.value().deserializer());
    consumer.assign(List.of(partition));
    consumer.seekToBeginning(List.of(partition));
  }

  /** For those who do not serve: of heads of any size, and unreadable records go to the log. */
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

  /** Everything read so far. */
  HeadStore store() {
    return store;
  }

  /**
   * Reads on to the end of what is committed, and at least up to {@code offset}.
   *
   * @throws TimeoutException where the broker does not answer, or a transaction of another writer
   *     that began before {@code offset} stays open
   * @throws UnknownTopicOrPartitionException where there is no such topic
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
            "topic %s: still at offset %d of %d after %s: is a transaction left open?"
                .formatted(partition.topic(), consumer.position(partition), end, READ_TIMEOUT));
      }
      try {
        poll(POLL);
      } catch (OffsetOutOfRangeException e) {
        // The topic was deleted and created anew: what was read of the old one is gone.
        startOver();
      }
    }
    if (readsAgain()) {
      readTo(offset);
    }
  }

  /**
   * At the end: whether all of it is read once more, for what has turned out to be needed was let
   * go. Not twice in a row: there may be no room for it.
   */
  boolean readsAgain() {
    again = !again && store.wantsAgain();
    if (again) {
      consumer.seekToBeginning(List.of(partition));
    }
    return again;
  }

  /** Takes in what comes within this time and says how many records that were. */
  int poll(Duration timeout) {
    ConsumerRecords<String, byte[]> records = consumer.poll(timeout);
    for (ConsumerRecord<String, byte[]> record : records) {
      try {
        signatures.check(record);
        store.apply(record.key(), record.value());
      } catch (RefusedHeadException e) {
        unreadable.accept(record.key(), e);
      }
    }
    return records.count();
  }

  /** Where the next record will be read. */
  long position() {
    return consumer.position(partition, METADATA_TIMEOUT);
  }

  /** The offset behind the last committed record. */
  long end() {
    if (consumer.partitionsFor(partition.topic(), METADATA_TIMEOUT).isEmpty()) {
      throw new UnknownTopicOrPartitionException(
          "topic " + partition.topic() + " does not exist: create it with `topics create`");
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
    store = new HeadStore(largest);
    consumer.seekToBeginning(List.of(partition));
  }

  private static Map<String, Object> config(Map<String, Object> kafka) {
    Map<String, Object> config = ReaderConfig.of(kafka);
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "none");
    // a broker serves one request of a connection at a time, so whoever asks for the end would wait
    // behind a fetch that waits for data, half a second by default
    config.put(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG, FETCH_WAIT_MS);
    return config;
  }
}
