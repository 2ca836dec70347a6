package dev.headwater.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.replay.traffic.LabelledStream;
import dev.headwater.replay.traffic.Truth;
import dev.headwater.schema.Json;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.stream.PrecomputedStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
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
 * The records of a stream, repeated with new ids. Record {@code i} has offset {@code i /
 * partitions} in partition {@code i % partitions}; no one else writes to the topic, so partition
 * and offset identify the record.
 *
 * @param truths labels of the distinct records; empty strings if unknown
 */
record Backlog(List<Template> templates, List<String> truths, int partitions) {

  /** A record, split after its id; {@code before} is empty if the records have no id field. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Template(byte[] before, byte[] after) {
    static Template of(byte[] value, String idField) throws IOException {
      JsonNode read = idField.isEmpty() ? null : Json.MAPPER.readTree(value);
      if (!(read instanceof ObjectNode object) || !object.has(idField)) {
        return new Template(new byte[0], value);
      }
      byte[] id = Json.MAPPER.writeValueAsBytes(object.remove(idField).asText());
      byte[] field = Json.MAPPER.writeValueAsBytes(idField);
      byte[] rest = Json.MAPPER.writeValueAsBytes(object);
      ByteArrayOutputStream before = new ByteArrayOutputStream();
      before.write('{');
      before.writeBytes(field);
      before.write(':');
      before.write(id, 0, id.length - 1);
      ByteArrayOutputStream after = new ByteArrayOutputStream();
      after.write('"');
      after.write(object.isEmpty() ? '}' : ',');
      after.write(rest, 1, object.isEmpty() ? 0 : rest.length - 1);
      return new Template(before.toByteArray(), after.toByteArray());
    }

    boolean hasId() {
      return before.length > 0;
    }

    byte[] with(String suffix) {
      byte[] middle = hasId() ? suffix.getBytes(UTF_8) : new byte[0];
      byte[] value = Arrays.copyOf(before, before.length + middle.length + after.length);
      System.arraycopy(middle, 0, value, before.length, middle.length);
      System.arraycopy(after, 0, value, before.length + middle.length, after.length);
      return value;
    }
  }

  private static final String LABEL = "label";

  /**
   * Reads the stream.
   *
   * @param truthFields fields that are not sent; the first is the label
   * @param idField id field of a record; empty if there is none
   * @param limit maximum number of distinct records
   */
  static Backlog read(
      Path stream, List<String> truthFields, String idField, int partitions, int limit)
      throws IOException {
    LabelledStream labelled =
        LabelledStream.open(stream, truthFields, Map.of(LABEL, Truth.of(truthFields.get(0))));
    List<Template> templates = new ArrayList<>();
    List<String> truths = new ArrayList<>();
    try (LabelledStream.Values each = labelled.values()) {
      for (byte[] value = each.next();
          value != null && templates.size() < limit;
          value = each.next()) {
        String truth = labelled.truth(LABEL, templates.size());
        truths.add(truth == null ? "" : truth);
        templates.add(Template.of(value, idField));
      }
    }
    return new Backlog(templates, truths, partitions);
  }

  /** Returns the number of records that differ in more than their id. */
  int distinct() {
    return templates.size();
  }

  /** Returns the labels of the stream; where it has none, the predicted labels. */
  List<String> truths(List<PrecomputedStream.Precomputed> known) {
    List<String> labels = new ArrayList<>();
    for (int i = 0; i < known.size(); i++) {
      Scored best = known.get(i).outcomes().get(0).best();
      labels.add(!truths.get(i).isEmpty() || best == null ? truths.get(i) : best.label());
    }
    return labels;
  }

  int index(int partition, long offset) {
    return Math.toIntExact(offset * partitions + partition);
  }

  int index(Source source) {
    return index(source.partition(), source.offset());
  }

  /** Returns the suffix of the id of record {@code index}; empty in the first repetition. */
  String suffix(int index) {
    int repetition = index / distinct();
    return repetition == 0 || !templates.get(index % distinct()).hasId() ? "" : "-" + repetition;
  }

  byte[] value(int index) {
    return templates.get(index % distinct()).with(suffix(index));
  }

  /** Sends the first records to an empty topic. */
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
          throw new IOException(
              "unexpected offset, another producer writes to " + topic + ": " + at);
        }
      }
    }
  }

  ProducerRecord<byte[], byte[]> record(String topic, int index) {
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
