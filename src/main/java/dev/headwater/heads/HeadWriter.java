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
 * A transactional producer for the heads topic. The last writer to start under a transactional id
 * fences all earlier ones: their transactions fail and never become visible (KIP-98). A writer must
 * not restart itself, because that would fence its own successor.
 */
final class HeadWriter implements AutoCloseable {
  private static final Duration CLOSE = Duration.ofSeconds(5);

  private final Signatures signatures;
  private final String topic;
  private final String transactionalId;
  private final KafkaProducer<String, byte[]> producer;
  private boolean started;
  private boolean outcomeKnown = true;
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

  /** Fences earlier writers and aborts their open transactions. Idempotent. */
  void start() {
    if (!started) {
      producer.initTransactions();
      started = true;
    }
  }

  /** Returns false once the outcome of a transaction is unknown; a new writer is needed then. */
  boolean usable() {
    return outcomeKnown;
  }

  ProducerRecord<String, byte[]> record(String key, byte @Nullable [] value) {
    return signatures.sign(new ProducerRecord<>(topic, 0, key, value));
  }

  /**
   * Writes all records atomically.
   *
   * @return the offset of the last record
   * @throws ProducerFencedException if a later writer has started; this one must stop
   * @throws KafkaException if the transaction failed otherwise; the message states its outcome
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
      // must not be aborted: the commit may have succeeded
      outcomeKnown = false;
      throw new KafkaException(
          "transaction on topic %s timed out with unknown outcome: restart to read the result"
              .formatted(topic),
          e);
    } catch (KafkaException | IllegalStateException e) {
      throw failed(e);
    }
    return last.get();
  }

  /** Closes with a timeout; otherwise it would wait for an unavailable broker to end a commit. */
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
      // the coordinator aborts it after transaction.timeout.ms; nothing becomes visible
      outcomeKnown = false;
      failed.addSuppressed(e);
    }
    return failed;
  }

  private ProducerFencedException fenced(RuntimeException cause) {
    ProducerFencedException fenced =
        new ProducerFencedException(
            ("another writer of topic %s has started with transactional id %s: this writer is"
                    + " fenced and must stop; its last transaction is not visible")
                .formatted(topic, transactionalId));
    fenced.initCause(cause);
    return fenced;
  }
}
