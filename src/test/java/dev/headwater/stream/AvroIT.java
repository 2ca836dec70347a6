package dev.headwater.stream;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Json;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.format.ApicurioRegistry;
import dev.headwater.schema.format.Format;
import dev.headwater.schema.format.Formats;
import dev.headwater.schema.format.RegistrySettings;
import dev.headwater.stream.selection.Selection;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Avro through a real registry, Apicurio's, written and read by Apicurio's own serdes. */
class AvroIT {
  private static final Selection ALL_UNSURE = new Selection(0, 1);
  private static final Schema RECORD = record("Reading", "\"float\"");

  @TempDir static Path directory;
  private static EmbeddedBroker broker;
  private static ApicurioRegistry registry;
  private static Deployment desk;
  private static StreamService service;
  private static AvroKafkaSerializer<GenericRecord> serializer;

  @BeforeAll
  static void start() throws Exception {
    registry = ApicurioRegistry.start("AvroIT");
    broker = EmbeddedBroker.start(directory.resolve("broker"));
    Formats formats =
        new Formats(
            Format.AVRO,
            Format.AVRO,
            Format.AVRO,
            RegistrySettings.of(Map.of("url", registry.url("/apis/ccompat/v7"))));
    desk = new Deployment(broker.bootstrapServers(), "desk", 1, formats);
    Bundle bundle = Bundles.tabular(Files.createDirectory(directory.resolve("b")), 4, 3);
    service =
        desk.service(Deployment.settings("desk", directory.resolve("state"), ALL_UNSURE), bundle);
    service.start();
    serializer = registry.serializer();
  }

  @AfterAll
  static void stop() throws Exception {
    service.close();
    desk.close();
    broker.close();
    serializer.close();
    registry.close();
  }

  @Test
  void whatApicurioWritesIsScoredAndWhatWeWriteApicurioReads() throws Exception {
    desk.write(desk.topics.records().get(0), null, written(RECORD, "a1"));

    await().atMost(PATIENCE).until(() -> predicted().contains("a1"));

    ConsumerRecord<byte[], Prediction> first =
        desk.committed(desk.topics.predictions()).stream()
            .filter(r -> r.value().recordId().equals("a1"))
            .findFirst()
            .orElseThrow();
    byte[] value =
        desk.topics.predictions().value().serializer().serialize(first.topic(), first.value());
    assertThat(value[0]).as("the magic byte").isZero();
    try (AvroKafkaDeserializer<GenericRecord> deserializer = new AvroKafkaDeserializer<>()) {
      deserializer.configure(
          Map.of("apicurio.registry.url", registry.url("/apis/registry/v3")), false);
      GenericRecord read = deserializer.deserialize(first.topic(), value);
      assertThat(read.get("label")).hasToString(first.value().leading().label());
      assertThat(read.getSchema().getFullName()).isEqualTo("dev.headwater.avro.Prediction");
    }
    assertThat(registry.subjects()).contains("desk-predictions-value");
    assertThat(desk.committed(desk.topics.review()))
        .as("for people, JSON")
        .anySatisfy(
            item ->
                assertThat(Json.MAPPER.readTree(item.value().payload()).at("/id").asText())
                    .isEqualTo("a1"));
  }

  @Test
  void aLabelInAvroBecomesASample() throws Exception {
    Schema label = new Schema.Parser().parse(new File("schemas/label.avsc"));
    desk.write(desk.topics.records().get(0), null, written(RECORD, "l1"));
    GenericRecord truth =
        new GenericRecordBuilder(label)
            .set("recordId", "l1")
            .set("task", "kind")
            .set("label", "label-2")
            .build();
    desk.write(desk.topics.labels(), null, serializer.serialize(desk.names.labels(), truth));

    await()
        .atMost(PATIENCE)
        .until(
            () ->
                desk.committed(desk.topics.samples()).stream()
                    .anyMatch(s -> s.key().equals("l1") && "label-2".equals(s.value().getLabel())));
  }

  @Test
  void badAvroGoesToDeadLettersAmongItsNeighbours() throws Exception {
    byte[] good = written(RECORD, "n1");
    byte[] unknown = good.clone();
    unknown[1] = 0x7F;
    byte[] cut = Arrays.copyOf(good, good.length - 3);
    byte[] narrow = serializer.serialize(desk.names.records().get(0), reading(RECORD, "n2", 1f));
    byte[] json = "{\"id\":\"n3\",\"x\":[1,2,3,4]}".getBytes();
    byte[] text = written(record("Words", "\"string\""), "n4", "1", "2", "3", "4");
    Map<String, byte[]> bad =
        Map.of("unknown", unknown, "cut", cut, "narrow", narrow, "json", json, "text", text);
    desk.write(desk.topics.records().get(0), null, good);
    bad.forEach(
        (id, value) ->
            desk.send(
                0,
                "k",
                value,
                new RecordHeader("headwater-record-id", id.getBytes()),
                new RecordHeader("traceparent", id.getBytes())));
    desk.write(desk.topics.records().get(0), null, written(RECORD, "n5"));

    await().atMost(PATIENCE).until(() -> predicted().containsAll(Set.of("n1", "n5")));
    await().atMost(PATIENCE).until(() -> dead("text") != null);
    assertDead("unknown", "value", "which is not in the schema registry", unknown);
    assertDead("cut", "value", "does not match its Avro schema", cut);
    assertDead("narrow", "/x", "has 1 numbers, the model expects 4", narrow);
    assertDead("json", "value", "first byte is 123", json);
    assertDead("text", "/x/0", "is a string, expected a number", text);
  }

  @Test
  void aRegistryThatIsAwayCostsNoRecord() throws Exception {
    byte[] known = written(RECORD, "before");
    desk.write(desk.topics.records().get(0), null, known);
    await().atMost(PATIENCE).until(() -> predicted().contains("before"));
    byte[] cached = written(RECORD, "cached");
    byte[] fresh = written(record("Fresh", "\"double\""), "fresh", 1.0, 2.0, 3.0, 4.0);
    long deadBefore = desk.committed(desk.topics.deadLetters()).size();

    registry.signal("STOP");
    try {
      desk.write(desk.topics.records().get(0), null, cached);
      await().atMost(PATIENCE).until(() -> predicted().contains("cached"));
      desk.write(desk.topics.records().get(0), null, fresh);
      await()
          .atMost(PATIENCE)
          .until(
              () -> !service.ready().up() && service.ready().cause().contains("schema registry"));
      assertThat(service.live().up()).as("a restart would not help").isTrue();
      assertThat(predicted()).doesNotContain("fresh");
    } finally {
      registry.signal("CONT");
    }

    await().atMost(PATIENCE).until(() -> predicted().contains("fresh"));
    await().atMost(PATIENCE).until(() -> service.ready().up());
    assertThat(desk.committed(desk.topics.deadLetters())).hasSize((int) deadBefore);
  }

  private void assertDead(String id, String field, String cause, byte[] value) {
    ConsumerRecord<byte[], byte[]> dead = dead(id);
    assertThat(dead).as(id).isNotNull();
    assertThat(Deployment.header(dead, "headwater-field")).as(id).isEqualTo(field);
    assertThat(Deployment.header(dead, "__streams.errors.message")).as(id).contains(cause);
    assertThat(Deployment.header(dead, "traceparent")).as("the trace goes along").isEqualTo(id);
    assertThat(dead.value()).as(id).isEqualTo(value);
  }

  private static ConsumerRecord<byte[], byte[]> dead(String id) {
    return desk.committed(desk.topics.deadLetters()).stream()
        .filter(r -> id.equals(Deployment.header(r, "headwater-record-id")))
        .findFirst()
        .orElse(null);
  }

  private static Set<String> predicted() {
    Set<String> ids = new HashSet<>();
    desk.committed(desk.topics.predictions()).forEach(r -> ids.add(r.value().recordId()));
    return ids;
  }

  private static byte[] written(Schema schema, String id, Object... x) {
    Object[] numbers = x.length > 0 ? x : new Object[] {1f, 2f, 3f, 4f};
    return serializer.serialize(desk.names.records().get(0), reading(schema, id, numbers));
  }

  private static GenericRecord reading(Schema schema, String id, Object... x) {
    return new GenericRecordBuilder(schema).set("id", id).set("x", List.of(x)).build();
  }

  private static Schema record(String name, String number) {
    return new Schema.Parser()
        .parse(
            """
            {"type": "record", "name": "%s", "fields": [{"name": "id", "type": "string"},
              {"name": "x", "type": {"type": "array", "items": %s}}]}
            """
                .formatted(name, number));
  }
}
