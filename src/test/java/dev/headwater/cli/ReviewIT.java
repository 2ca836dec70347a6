package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.schema.Json;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Source;
import dev.headwater.stream.StreamService;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

/**
 * From a record that asks, over an annotator's tool, to the sample that the trainer learns from.
 */
class ReviewIT extends CommandedDeployment {
  private static final int RECORDS = 12;

  @Test
  void whatIsExportedComesBackAsSamples() throws Exception {
    Files.writeString(
        config,
        "selection: {threshold: 1, audit-share: 0.4, budget: 1, near-duplicate-distance: 0}\n"
            + "stream: {unlabelled-share: 0}\n",
        StandardOpenOption.APPEND);
    assertThat(run("topics", "create")).isZero();
    Settings settings = SettingsLoader.load(config, Map.of(), Map.of());
    InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
    try (StreamService service = ServeCommand.service(settings, settings.loadBundle(), metrics)) {
      service.start();
      send(0, RECORDS);
      await().atMost(PATIENCE).until(() -> metrics.counts().predicted() == RECORDS);
      Path out = directory.resolve("annotate");
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                assertThat(run("review", "export", "--out", out.toString())).isZero();
                assertThat(this.out.toString())
                    .startsWith("exported " + RECORDS + " label requests of task kind");
              });
      assertThat(out.resolve("config.xml")).content().contains("label-0").contains("label-1");

      Path annotated = annotate(out.resolve("tasks.json"));
      assertThat(run("labels", "import", annotated.toString())).as(err.toString()).isZero();
      assertThat(this.out.toString()).contains("sent 11 labels for task kind");
      Map<String, String> expected = new TreeMap<>();
      for (int i = 1; i < RECORDS; i++) {
        expected.put("r" + i, "label-" + i % 2);
      }
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(samples(settings)).isEqualTo(expected));

      assertThat(run("review", "export", "--out", out.toString(), "--for", "csv")).isZero();
      assertThat(this.out.toString())
          .as("the others are labelled")
          .startsWith("exported 1 label requests");
      Path csv = out.resolve("tasks.csv");
      Files.writeString(csv, Files.readString(csv).replaceAll("\"?\"?\\s*$", "label-0\n"));
      assertThat(run("labels", "import", csv.toString())).as(err.toString()).isZero();
      expected.put("r0", "label-0");
      await()
          .atMost(PATIENCE)
          .untilAsserted(() -> assertThat(samples(settings)).isEqualTo(expected));

      send(RECORDS, RECORDS + 2);
      awaitExported(out, "r12", "r13");
      assertThat(run("labels", "erase", "r12")).as(err.toString()).isZero();
      awaitExported(out, "r13");
    }
  }

  @Test
  void handsOutWhatCanStillBeLabelled() throws Exception {
    Path out = directory.resolve("annotate");
    assertThat(run("review", "export", "--out", out.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("topic desk-review does not exist");
    assertThat(run("topics", "create")).isZero();
    try (Producer<String, String> producer =
        new KafkaProducer<>(kafka(), new StringSerializer(), new StringSerializer())) {
      asked(producer, "late", 73);
      asked(producer, "labelled", 3);
      labelled(producer, "labelled", 2);
      labelled(producer, "early", 3);
      asked(producer, "early", 2);
      asked(producer, "again", 3);
      labelled(producer, "again", 2);
      asked(producer, "again", 1);
      labelled(producer, "erased", 3);
      producer.send(record("desk-labels", "erased", 2, null));
      asked(producer, "erased", 1);
      producer.send(record("desk-review", "unreadable", 1, "{"));
    }

    assertThat(run("review", "export", "--out", out.toString())).as(err.toString()).isZero();

    assertThat(this.out.toString())
        .startsWith("exported 2 label requests of task kind")
        .contains("skipped 1 label requests older than stream.label-wait");
    assertThat(Json.MAPPER.readTree(out.resolve("tasks.json").toFile()))
        .extracting(task -> task.at("/data/recordId").asText())
        .containsExactlyInAnyOrder("again", "erased");
  }

  private static void asked(Producer<String, String> producer, String id, int hoursAgo) {
    ReviewItem item =
        new ReviewItem(
            id, "kind", Reason.AUDIT, "{}", false, null, new Source("desk-records", 0, 1));
    producer.send(record("desk-review", id, hoursAgo, Json.MAPPER.valueToTree(item).toString()));
  }

  private static void labelled(Producer<String, String> producer, String id, int hoursAgo) {
    String label = "{\"recordId\":\"%s\",\"task\":\"kind\",\"label\":\"label-0\"}".formatted(id);
    producer.send(record("desk-labels", id, hoursAgo, label));
  }

  private static ProducerRecord<String, String> record(
      String topic, String id, int hoursAgo, String value) {
    long at = Instant.now().minus(Duration.ofHours(hoursAgo)).toEpochMilli();
    return new ProducerRecord<>(topic, null, at, id, value);
  }

  @Test
  void aFileWithOneWrongLabelSendsNone() throws Exception {
    assertThat(run("topics", "create")).isZero();
    Path csv =
        Files.writeString(
            directory.resolve("WRONG.CSV"),
            "recordId,task,label\nr1,kind,label-0\n,kind,label-1\n");

    assertThat(run("labels", "import", csv.toString())).isEqualTo(2);

    assertThat(err.toString()).contains("nothing was sent").contains("label without a record id");

    Files.writeString(csv, "recordId,label\nr1,label-0\nr2,%s\n".formatted("x".repeat(1 << 20)));
    assertThat(run("labels", "import", csv.toString())).isEqualTo(2);
    assertThat(err.toString())
        .contains("cannot send the label of r2; nothing was sent: value needs");
  }

  /** As Label Studio does: annotations are added, all else stays. The first is skipped. */
  private static Path annotate(Path tasks) throws Exception {
    JsonNode exported = Json.MAPPER.readTree(tasks.toFile());
    assertThat(exported).hasSize(RECORDS);
    Set<String> reasons = new TreeSet<>();
    for (JsonNode task : exported) {
      String reason = task.at("/data/reason").asText();
      reasons.add(reason);
      assertThat(task.has("predictions")).as(reason).isEqualTo(reason.equals("UNSURE"));
      int number = Integer.parseInt(task.at("/data/recordId").asText().substring(1));
      ((ObjectNode) task)
          .putArray("annotations")
          .addObject()
          .put("was_cancelled", number == 0)
          .put("updated_at", "2026-01-01T00:00:00Z")
          .putArray("result")
          .addObject()
          .put("from_name", "label")
          .put("to_name", "record")
          .put("type", "choices")
          .putObject("value")
          .putArray("choices")
          .add("label-" + number % 2);
    }
    assertThat(reasons).as("both are there to be told apart").containsExactly("AUDIT", "UNSURE");
    Path annotated = tasks.resolveSibling("annotated.json");
    Json.MAPPER.writeValue(annotated.toFile(), exported);
    return annotated;
  }

  private void awaitExported(Path out, String... ids) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(run("review", "export", "--out", out.toString())).isZero();
              assertThat(Json.MAPPER.readTree(out.resolve("tasks.json").toFile()))
                  .extracting(task -> task.at("/data/recordId").asText())
                  .containsExactlyInAnyOrder(ids);
            });
  }

  private void send(int from, int until) {
    try (Producer<String, String> producer =
        new KafkaProducer<>(kafka(), new StringSerializer(), new StringSerializer())) {
      for (int i = from; i < until; i++) {
        producer.send(
            new ProducerRecord<>(
                "desk-records", "{\"id\":\"r%d\",\"x\":[1,%d,3,4]}".formatted(i, i)));
      }
    }
  }

  private Map<String, String> samples(Settings settings) {
    Map<String, String> labels = new TreeMap<>();
    try (Consumer<String, Sample> consumer =
        new KafkaConsumer<>(
            new HashMap<>(kafka()),
            settings.topics().samples().key().deserializer(),
            settings.topics().samples().value().deserializer())) {
      var partitions =
          consumer.partitionsFor("desk-samples").stream()
              .map(p -> new TopicPartition(p.topic(), p.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      var ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        consumer
            .poll(Duration.ofMillis(100))
            .forEach(record -> labels.put(record.key(), record.value().getLabel()));
      }
    }
    return labels;
  }
}
