package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
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

  private final Map<String, String> truths = new HashMap<>();

  @Test
  void replaysARangeOfWhatReallyCameAndCountsWhatHasALabel() throws Exception {
    assertThat(run("topics", "create")).isZero();
    record();
    Path report = directory.resolve("report.json");
    Path dump = directory.resolve("dump");

    int code =
        run(
            "replay",
            "--from-topic",
            "--until",
            START.plusMillis(RANGE).toString(),
            "--no-adapt",
            "--rate",
            "200",
            "--report",
            report.toString(),
            "--dump",
            dump.toString());

    assertThat(code).as(err.toString()).isZero();
    JsonNode told = Json.MAPPER.readTree(report.toFile());
    assertThat(told.path("records").asInt()).isEqualTo(RANGE);
    assertThat(told.path("predictions").asInt()).isEqualTo(RANGE);
    int judged = 0;
    int right = 0;
    for (String line : Files.readAllLines(dump.resolve("predictions.jsonl"))) {
      JsonNode prediction = Json.MAPPER.readTree(line);
      String truth = truths.get(prediction.path("recordId").asText());
      if (truth != null) {
        judged++;
        right += truth.equals(prediction.path("label").asText()) ? 1 : 0;
      }
    }
    assertThat(judged).as("labelled apart, and inline").isEqualTo(RANGE / 2 + RANGE / 10);
    assertThat(told.path("accuracy").path("adaptive").path("overall").asDouble())
        .isEqualTo((double) right / judged);
    assertThat(run("replay", "--from", "3")).as("a range of nothing").isEqualTo(2);
    assertThat(err.toString()).contains("--from-topic");
  }

  /**
   * Every second record has its label apart, the later of two; every tenth of the others inline.
   */
  private void record() throws Exception {
    Map<String, Object> kafka = Map.of("bootstrap.servers", broker.bootstrapServers());
    try (Producer<byte[], byte[]> producer =
        new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (int i = 0; i < RECORDS; i++) {
        String id = "r" + i;
        String label = "label-" + i / 3 % 2;
        boolean inline = i % 10 == 5;
        String value =
            "{\"id\":\"%s\",%s\"x\":[%d,%d,1,0]}"
                .formatted(id, inline ? "\"label\":\"" + label + "\"," : "", i % 7 - 3, i % 5 - 2);
        producer.send(
            new ProducerRecord<>(
                "desk-records", i % 2, START.toEpochMilli() + i, null, value.getBytes(UTF_8)));
        if (i % 2 == 0) {
          send(producer, 1, new Label(id, "kind", "label-" + (1 - i / 3 % 2)));
          send(producer, 2, new Label(id, "kind", label));
        }
        if (i < RANGE && (inline || i % 2 == 0)) {
          truths.put(id, label);
        }
      }
    }
  }

  private static void send(Producer<byte[], byte[]> producer, int order, Label label)
      throws Exception {
    byte[] value = Json.MAPPER.writeValueAsBytes(label);
    producer.send(
        new ProducerRecord<>("desk-labels", null, START.toEpochMilli() + order, null, value));
  }
}
