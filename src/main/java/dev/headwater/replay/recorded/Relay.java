package dev.headwater.replay.recorded;

import dev.headwater.stream.guard.Limits;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A transactional writer of output records and input offsets. After any interruption, the next run
 * can continue exactly behind the last commit. A second run with the same name fences the first.
 */
final class Relay implements AutoCloseable {
  // as in the scorer: a mask or sample may be larger than its record
  private static final int MAX_REQUEST_SIZE = 2 << 20;
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  private final Producer<byte[], byte[]> producer;

  /**
   * Creates a writer.
   *
   * @param name transactional id
   */
  Relay(Map<String, Object> kafka, String name) {
    Map<String, Object> config = new HashMap<>(kafka);
    config.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, name);
    config.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, maxRequestSize(kafka));
    producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** Returns the maximum request size, in bytes. */
  static int maxRequestSize(Map<String, Object> kafka) {
    return Limits.maxRequestSize(kafka, MAX_REQUEST_SIZE);
  }

  /** Fences an earlier run with the same name and aborts its open transaction. */
  void begin() {
    producer.initTransactions();
  }

  /**
   * Writes the records and the current offsets of the range atomically.
   *
   * @param note metadata stored with the offsets, for a later resume
   */
  void write(List<ProducerRecord<byte[], byte[]>> records, TopicRange range, String note) {
    producer.beginTransaction();
    records.forEach(this::send); // asynchronous failures fail the commit
    producer.sendOffsetsToTransaction(range.positions(note), range.group());
    producer.commitTransaction();
  }

  /** Sends a record. Fails fast: after an immediate error, each further send would block. */
  private void send(ProducerRecord<byte[], byte[]> record) {
    Future<RecordMetadata> sent = producer.send(record);
    if (sent.isDone()) {
      try {
        sent.get();
      } catch (ExecutionException e) {
        throw new KafkaException("cannot write to topic " + record.topic(), e.getCause());
      } catch (InterruptedException e) {
        throw new InterruptException(e); // restores the interrupt
      }
    }
  }

  /** Closes with a timeout: an unreachable broker would block the command. */
  @Override
  public void close() {
    producer.close(CLOSE_TIMEOUT);
  }
}
