package dev.headwater.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.replay.traffic.LabelledStream;
import dev.headwater.schema.Json;
import dev.headwater.schema.Source;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * A stream's records, over and over, each time under ids of their own. Record {@code i} is number
 * {@code i / partitions} of partition {@code i % partitions}, and nobody else writes there, so that
 * partition and offset tell which it is.
 *
 * @param idField of a record; empty where ids are not told apart
 */
record Backlog(List<byte[]> values, String idField, int partitions) {

  /**
   * @param truthFields not sent
   * @param limit of distinct records
   */
  static Backlog read(
      Path stream, List<String> truthFields, String idField, int partitions, int limit)
      throws IOException {
    LabelledStream labelled = LabelledStream.open(stream, truthFields, Map.of());
    List<byte[]> values = new ArrayList<>();
    try (LabelledStream.Values each = labelled.values()) {
      for (byte[] value = each.next();
          value != null && values.size() < limit;
          value = each.next()) {
        values.add(value);
      }
    }
    return new Backlog(values, idField, partitions);
  }

  /** How many records differ by more than their id. */
  int distinct() {
    return values.size();
  }

  int index(int partition, long offset) {
    return Math.toIntExact(offset * partitions + partition);
  }

  int index(Source source) {
    return index(source.partition(), source.offset());
  }

  /** What is to be added to the id of record {@code index}. */
  String suffix(int index) {
    return "-" + index / distinct();
  }

  byte[] value(int index) throws IOException {
    byte[] value = values.get(index % distinct());
    if (idField.isEmpty()) {
      return value;
    }
    ObjectNode object = (ObjectNode) Json.MAPPER.readTree(value);
    object.put(idField, object.path(idField).asText() + suffix(index));
    return Json.MAPPER.writeValueAsBytes(object);
  }

  /** Sends the first records to a topic that nobody has written to. */
  void produce(String topic, int records, Map<String, Object> kafka)
      throws IOException, InterruptedException, ExecutionException {
    try (Producer<byte[], byte[]> producer = producer(kafka)) {
      List<Future<RecordMetadata>> sent = new ArrayList<>(records);
      for (int i = 0; i < records; i++) {
        sent.add(producer.send(record(topic, i)));
      }
      producer.flush();
      for (int i = 0; i < records; i++) {
        RecordMetadata at = sent.get(i).get();
        if (index(at.partition(), at.offset()) != i) {
          throw new IOException("somebody else writes to " + topic + ": " + at);
        }
      }
    }
  }

  ProducerRecord<byte[], byte[]> record(String topic, int index) throws IOException {
    byte[] key = String.valueOf(index).getBytes(UTF_8);
    return new ProducerRecord<>(topic, index % partitions, key, value(index));
  }

  static Producer<byte[], byte[]> producer(Map<String, Object> kafka) {
    return new KafkaProducer<>(
        Kafka.with(kafka, Map.of(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true)),
        new ByteArraySerializer(),
        new ByteArraySerializer());
  }
}
