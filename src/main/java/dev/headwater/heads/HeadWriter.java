package dev.headwater.heads;

import dev.headwater.schema.Topic;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Transactions on the heads topic. The last writer to start under a transactional id is the only
 * one: whatever an earlier one still tries fails, and none of it becomes visible (KIP-98). A writer
 * never starts itself again, for that would fence its own successor.
 */
final class HeadWriter implements AutoCloseable {
  private static final Duration CLOSE = Duration.ofSeconds(5);

  private final Signatures signatures;
  private final String topic;
  private final String transactionalId;
  private final KafkaProducer<String, byte[]> producer;
  private boolean started;
  private boolean usable = true;
  private @Nullable ProducerFencedException fenced;

  HeadWriter(
      Map<String, Object> kafka,
      Topic<String, byte[]> heads,
      String transactionalId,
      HeadSettings settings) {
    settings.signatures().requireKey();
    this.signatures = settings.signatures();
    this.topic = heads.name();
    this.transactionalId = transactionalId;
    Map<String, Object> config = new HashMap<>(kafka);
    config.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, transactionalId);
    config.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    config.put(ProducerConfig.ACKS_CONFIG, "all");
    config.put(
        ProducerConfig.MAX_REQUEST_SIZE_CONFIG,
        Math.max(1 << 20, settings.chunkBytes() + HeadSettings.RECORD_OVERHEAD));
    producer = new KafkaProducer<>(config, heads.key().serializer(), heads.value().serializer());
  }

  /**
   * Fences every earlier writer and aborts what it left open; only the first call does anything.
   */
  void start() {
    if (!started) {
      producer.initTransactions();
      started = true;
    }
  }

  /** False once it is not known what became of a transaction: only another writer goes on then. */
  boolean usable() {
    return usable;
  }

  ProducerRecord<String, byte[]> record(String key, byte @Nullable [] value) {
    return signatures.sign(new ProducerRecord<>(topic, 0, key, value));
  }

  /**
   * Writes all of the records or none.
   *
   * @return the offset of the last one
   * @throws ProducerFencedException where a later writer has taken over; this one is done for good
   * @throws KafkaException where the transaction failed otherwise, saying what became of it
   */
  long commit(List<ProducerRecord<String, byte[]>> records) {
    if (fenced != null) {
      throw fenced;
    }
    AtomicLong last = new AtomicLong(-1);
    try {
      producer.beginTransaction();
      for (ProducerRecord<String, byte[]> record : records) {
        producer.send(
            record, (sent, e) -> last.accumulateAndGet(e == null ? sent.offset() : -1, Math::max));
      }
      producer.commitTransaction();
    } catch (TimeoutException e) {
      // A commit that timed out must not be aborted: it may have happened.
      usable = false;
      throw new KafkaException(
          "no answer to a transaction on topic %s: start again and read whether it was committed"
              .formatted(topic),
          e);
    } catch (KafkaException | IllegalStateException e) {
      throw failed(e);
    }
    return last.get();
  }

  /** Without a limit it waits for a broker that is away to end what a commit left open. */
  @Override
  public void close() {
    producer.close(CLOSE);
  }

  private RuntimeException failed(RuntimeException failure) {
    Throwable root = failure;
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      root = cause;
      if (cause instanceof ProducerFencedException
          || cause instanceof InvalidProducerEpochException) {
        return fenced = fenced(failure);
      }
    }
    KafkaException failed =
        new KafkaException(
            "nothing was written to topic %s: %s".formatted(topic, root.getMessage()), failure);
    try {
      producer.abortTransaction();
    } catch (ProducerFencedException e) {
      return fenced = fenced(e);
    } catch (KafkaException | IllegalStateException e) {
      // The coordinator aborts it when transaction.timeout.ms is over; nothing becomes visible.
      usable = false;
      failed.addSuppressed(e);
    }
    return failed;
  }

  private ProducerFencedException fenced(RuntimeException cause) {
    ProducerFencedException fenced =
        new ProducerFencedException(
            "another writer of topic %s has started under the transactional id %s: this one has to stop, and nothing of its last transaction is visible"
                .formatted(topic, transactionalId));
    fenced.initCause(cause);
    return fenced;
  }
}
