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
 * Writes what a part of a range gives together with how far the range was read, in one transaction:
 * whatever ends a run, the next one can go on exactly behind it. A second run under the same name
 * ends the first.
 */
final class Relay implements AutoCloseable {
  // a mask or a sample may be larger than what it was made from; that of the stream
  private static final int MAX_REQUEST_SIZE = 2 << 20;
  private static final Duration CLOSE = Duration.ofSeconds(5);

  private final Producer<byte[], byte[]> producer;

  /**
   * @param name transactional id
   */
  Relay(Map<String, Object> kafka, String name) {
    Map<String, Object> config = new HashMap<>(kafka);
    config.put(ProducerConfig.TRANSACTIONAL_ID_CONFIG, name);
    config.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, maxRequestSize(kafka));
    producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** The largest record it sends, bytes. */
  static int maxRequestSize(Map<String, Object> kafka) {
    return Limits.maxRequestSize(kafka, MAX_REQUEST_SIZE);
  }

  /** Ends an earlier run under this name: nothing more of it becomes visible. */
  void begin() {
    producer.initTransactions();
  }

  /**
   * Writes all of the records and how far the range has been read with them, or nothing.
   *
   * @param note for whoever goes on from there
   */
  void write(List<ProducerRecord<byte[], byte[]>> records, TopicRange range, String note) {
    producer.beginTransaction();
    records.forEach(this::send); // what fails later, fails the commit
    producer.sendOffsetsToTransaction(range.positions(note), range.group());
    producer.commitTransaction();
  }

  /** After a refusal at once, of a topic say, each further send would wait for it to be lifted. */
  private void send(ProducerRecord<byte[], byte[]> record) {
    Future<RecordMetadata> sent = producer.send(record);
    if (sent.isDone()) {
      try {
        sent.get();
      } catch (ExecutionException e) {
        throw new KafkaException("nothing can be written to " + record.topic(), e.getCause());
      } catch (InterruptedException e) {
        throw new InterruptException(e); // restores the interrupt
      }
    }
  }

  /** Without a limit it waits for a broker that is away, and nobody could stop the command. */
  @Override
  public void close() {
    producer.close(CLOSE);
  }
}
