package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.format.ApicurioRegistry;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

class ReplayFromTopicIT extends CommandedDeployment {
  private static final int RECORDS = 200;
  private static final int RANGE = 150;

  /** Lately: what is years old expires while it is looked at. */
  private static final Instant START =
      Instant.now().truncatedTo(ChronoUnit.SECONDS).minus(Duration.ofHours(1));

  private static final Schema READING =
      new Schema.Parser()
          .parse(
              """
              {"type": "record", "name": "Reading", "fields": [
                {"name": "id", "type": "string"},
                {"name": "label", "type": ["null", "string"], "default": null},
                {"name": "x", "type": {"type": "array", "items": "float"}}]}
              """);
  private static final Schema LABEL = schema(Path.of("schemas", "label.avsc"));

  private final Map<String, String> truths = new HashMap<>();
  private final Map<String, String> renamed = new HashMap<>();

  @Test
  void replaysARangeOfWhatReallyCameAndCountsWhatHasALabel() throws Exception {
    assertThat(run("topics", "create")).isZero();
    record(this::json, Json.MAPPER::writeValueAsBytes);

    assertReplayed(0, RANGE, "--until", START.plusMillis(RANGE).toString());
    // of each of two partitions the same offset
    assertReplayed(20, 80, "--from", "10", "--until", START.plusMillis(80).toString());

    assertThat(run("replay", "--from", "3")).as("a range of nothing").isEqualTo(2);
    assertThat(err.toString()).contains("--from-topic");
  }

  @Test
  void replaysAvroLikewise() throws Exception {
    try (ApicurioRegistry registry = ApicurioRegistry.start("ReplayFromTopicIT");
        AvroKafkaSerializer<GenericRecord> serializer = registry.serializer()) {
      Files.writeString(
          config,
          """
          formats: {records: avro, labels: avro}
          registry: {url: "%s"}
          """
              .formatted(registry.url("/apis/ccompat/v7")),
          StandardOpenOption.APPEND);
      assertThat(run("topics", "create")).as(err.toString()).isZero();
      record(
          (id, label, x) ->
              serializer.serialize(
                  "desk-records",
                  new GenericRecordBuilder(READING)
                      .set("id", id)
                      .set("label", label)
                      .set("x", x)
                      .build()),
          label ->
              serializer.serialize(
                  "desk-labels",
                  new GenericRecordBuilder(LABEL)
                      .set("recordId", label.recordId())
                      .set("task", label.task())
                      .set("label", label.label())
                      .build()));

      assertReplayed(0, RANGE, "--until", START.plusMillis(RANGE).toString());
    }
  }

  /** The bundle's own head has the old name, and so has what came inline before. */
  @Test
  void countsUnderTheNamesThatLabelsHaveNow() throws Exception {
    assertThat(run("topics", "create")).isZero();
    record(this::json, Json.MAPPER::writeValueAsBytes);
    JsonNode before = assertReplayed(0, RANGE, "--until", START.plusMillis(RANGE).toString());

    assertThat(run("labels", "rename", "label-0", "nought")).as(err.toString()).isZero();
    renamed.put("label-0", "nought");
    truths.replaceAll((id, label) -> renamed.getOrDefault(label, label));

    JsonNode after = assertReplayed(0, RANGE, "--until", START.plusMillis(RANGE).toString());
    assertThat(before.at("/accuracy/adaptive/overall").asDouble()).isBetween(.1, .9);
    for (String side : List.of("adaptive", "frozen")) {
      assertThat(after.at("/accuracy/" + side)).as(side).isEqualTo(before.at("/accuracy/adaptive"));
    }
    Path report = directory.resolve("adapting.json");
    assertThat(run("replay", "--from-topic", "--rate", "200", "--report", report.toString()))
        .as(err.toString())
        .isZero();
    String last = Json.MAPPER.readTree(report.toFile()).path("finalHead").asText();
    assertThat(Json.MAPPER.readValue(Path.of(last + ".labels.json").toFile(), String[].class))
        .as("one class, under the name it has now")
        .contains("nought")
        .doesNotContain("label-0");
  }

  private static Schema schema(Path file) {
    try {
      return new Schema.Parser().parse(file.toFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private JsonNode assertReplayed(int first, int last, String... range) throws Exception {
    Path report = directory.resolve("report.json");
    Path dump = directory.resolve("dump");

    List<String> words =
        new ArrayList<>(List.of("replay", "--from-topic", "--no-adapt", "--rate", "200"));
    words.addAll(List.of("--report", report.toString(), "--dump", dump.toString()));
    words.addAll(List.of(range));

    assertThat(run(words.toArray(String[]::new))).as(err.toString()).isZero();
    JsonNode told = Json.MAPPER.readTree(report.toFile());
    assertThat(told.path("records").asInt()).isEqualTo(last - first);
    assertThat(told.path("predictions").asInt()).isEqualTo(last - first);
    List<String> replayed = new ArrayList<>();
    int judged = 0;
    int right = 0;
    for (String line : Files.readAllLines(dump.resolve("predictions.jsonl"))) {
      JsonNode prediction = Json.MAPPER.readTree(line);
      replayed.add(prediction.path("recordId").asText());
      String truth = truths.get(prediction.path("recordId").asText());
      if (truth != null) {
        judged++;
        String said = prediction.path("label").asText();
        right += truth.equals(renamed.getOrDefault(said, said)) ? 1 : 0;
      }
    }
    assertThat(replayed)
        .containsExactlyInAnyOrderElementsOf(
            IntStream.range(first, last).mapToObj(i -> "r" + i).toList());
    assertThat(judged)
        .as("labelled apart, and inline")
        .isEqualTo((last - first) / 2 + (last - first) / 10);
    assertThat(told.path("accuracy").path("adaptive").path("overall").asDouble())
        .isEqualTo((double) right / judged);
    return told;
  }

  /** A record's value; its label is null where it has none inside. */
  private interface Readings {
    byte[] of(String id, String label, List<Float> x) throws Exception;
  }

  private interface Labels {
    byte[] of(Label label) throws Exception;
  }

  private byte[] json(String id, String label, List<Float> x) {
    return "{\"id\":\"%s\",%s\"x\":%s}"
        .formatted(id, label == null ? "" : "\"label\":\"" + label + "\",", x)
        .getBytes(UTF_8);
  }

  /**
   * Every second record has its label apart, the later of two; every tenth of the others inline.
   */
  private void record(Readings readings, Labels labels) throws Exception {
    Map<String, Object> kafka = Map.of("bootstrap.servers", broker.bootstrapServers());
    try (Producer<byte[], byte[]> producer =
        new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < RECORDS; i++) {
        String id = "r" + i;
        String label = "label-" + i / 3 % 2;
        boolean inline = i % 10 == 5;
        byte[] value =
            readings.of(id, inline ? label : null, List.of(i % 7 - 3f, i % 5 - 2f, 1f, 0f));
        producer.send(
            new ProducerRecord<>("desk-records", i % 2, START.toEpochMilli() + i, null, value));
        if (i % 2 == 0) {
          Label wrong = new Label(id, "kind", "label-" + (1 - i / 3 % 2));
          send(producer, 1, labels.of(wrong));
          send(producer, 2, labels.of(new Label(id, "kind", label)));
        }
        if (i < RANGE && (inline || i % 2 == 0)) {
          truths.put(id, label);
        }
      }
    }
  }

  private static void send(Producer<byte[], byte[]> producer, int order, byte[] label) {
    producer.send(
        new ProducerRecord<>("desk-labels", null, START.toEpochMilli() + order, null, label));
  }
}
