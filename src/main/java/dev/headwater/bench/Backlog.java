package dev.headwater.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.replay.traffic.LabelledStream;
import dev.headwater.replay.traffic.Truth;
import dev.headwater.schema.Json;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.stream.AnsweredStream;
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
 * A stream's records, over and over, each time under ids of their own. Record {@code i} is number
 * {@code i / partitions} of partition {@code i % partitions}, and nobody else writes there, so that
 * partition and offset tell which it is.
 *
 * @param truths the labels of the distinct records; empty strings where they are not known
 */
record Backlog(List<Template> templates, List<String> truths, int partitions) {

  /** A record, parted where its id ends, or at its beginning where ids are not told apart. */
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
   * @param truthFields not sent; the first is the label
   * @param idField of a record; empty where it has none
   * @param limit of distinct records
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

  /** How many records differ by more than their id. */
  int distinct() {
    return templates.size();
  }

  /** The labels as the stream tells them; where it does not, what the bundle says. */
  List<String> truths(List<AnsweredStream.Known> known) {
    List<String> told = new ArrayList<>();
    for (int i = 0; i < known.size(); i++) {
      Scored best = known.get(i).outcomes().get(0).best();
      told.add(!truths.get(i).isEmpty() || best == null ? truths.get(i) : best.label());
    }
    return told;
  }

  int index(int partition, long offset) {
    return Math.toIntExact(offset * partitions + partition);
  }

  int index(Source source) {
    return index(source.partition(), source.offset());
  }

  /** What is added to the id of record {@code index}: nothing the first time round. */
  String suffix(int index) {
    int round = index / distinct();
    return round == 0 || !templates.get(index % distinct()).hasId() ? "" : "-" + round;
  }

  byte[] value(int index) {
    return templates.get(index % distinct()).with(suffix(index));
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
