package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.replay.JavaProcess;
import dev.headwater.replay.recorded.TopicRange;
import dev.headwater.schema.JsonSerde;
import dev.headwater.schema.Prediction;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class RescoreIT extends CommandedDeployment {
  private static final int RECORDS = 4000;

  /** Lately: what is years old expires while it is looked at. */
  private static final Instant START =
      Instant.now().truncatedTo(ChronoUnit.SECONDS).minus(Duration.ofHours(1));

  private static final File KILLED = new File("target", "RescoreIT-killed.log");

  @BeforeEach
  void record() throws Exception {
    assertThat(run("topics", "create")).isZero();
    assertThat(run("train", "--from", history().toString())).as(err.toString()).isZero();
    try (Producer<String, String> producer =
        new KafkaProducer<>(kafka(), new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < RECORDS; i++) {
        String x = i % 1000 == 7 ? "[1]" : "[%d,%d,0,1]".formatted(i % 2 * 4 - 2, i % 2 * 4 - 2);
        String label = i % 1000 == 8 ? ",\"label\":[\"several\"]" : "";
        String value = "{\"id\":\"r%d\",\"x\":%s%s}".formatted(i, x, label);
        producer.send(
            new ProducerRecord<>(
                "desk-records", i % 2, START.toEpochMilli() + i, "k" + i % 10, value));
      }
    }
  }

  @Test
  void scoresARangeUnderTheLiveHeadOrAChosenOne() throws Exception {
    assertThat(run("rescore", "--to", "again")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("scored 3992 records to again, 8 invalid");
    assertThat(err.toString())
        .contains("{kind=1}")
        .contains("r7 at ")
        .contains("/x")
        .contains("r8 at ");
    List<ConsumerRecord<byte[], byte[]>> written = written("again", 3992);
    assertThat(ids(written)).doesNotHaveDuplicates();
    ConsumerRecord<byte[], byte[]> first = written.get(0);
    Prediction prediction = prediction(first);
    assertThat(prediction.leading().headVersion()).isEqualTo(1);
    assertThat(prediction.source().topic()).isEqualTo("desk-records");
    assertThat(first.headers().lastHeader(Prediction.HEAD_VERSION_HEADER).value())
        .asString()
        .isEqualTo("1");
    assertThat(first.timestamp())
        .as("the record's own time")
        .isBetween(START.toEpochMilli(), START.toEpochMilli() + RECORDS);
    assertThat(new String(first.key(), UTF_8)).startsWith("k");
    assertThat(retention("again")).as("whatever the records' own times are").isEqualTo("-1");

    assertThat(run("rescore", "--to", "again", "--resume")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("scored 0 records");

    assertThat(run("rescore", "--to", "again", "--resume", "--head", "0")).isEqualTo(2);
    assertThat(err.toString()).contains("it used heads {kind=1}, requested are {kind=0}");
    assertThat(run("heads", "rollback", "0")).as(err.toString()).isZero();
    assertThat(run("rescore", "--to", "again", "--resume")).as(err.toString()).isZero();
    assertThat(err.toString()).as("whatever is live now").contains("{kind=1}");

    assertThat(run("rescore", "--to", "some", "--head", "0", "--from", "1990", "--until", "1995"))
        .as(err.toString())
        .isZero();
    assertThat(out.toString()).as("five of each partition").contains("scored 10 records");
    assertThat(written("some", 10))
        .allSatisfy(record -> assertThat(prediction(record).leading().headVersion()).isZero());
    assertThat(run("rescore", "--to", "late", "--from", START.plusMillis(RECORDS - 10).toString()))
        .isZero();
    assertThat(out.toString()).as("the last ten by time").contains("scored 10 records");
  }

  @Test
  void goesOnExactlyBehindARunThatWasKilled() throws Exception {
    Files.writeString(
        config,
        Files.readString(config)
            .replace("kafka: {", "kafka: {max.poll.records: 10, transaction.timeout.ms: 60000, "));
    Process process = rescore();
    try {
      await()
          .atMost(PATIENCE)
          .until(
              () -> KILLED.exists() && Files.readString(KILLED.toPath()).contains("offsets left"));
    } finally {
      process.destroyForcibly().waitFor();
    }

    assertThat(run("rescore", "--to", "again", "--resume")).as(err.toString()).isZero();

    int rest = Integer.parseInt(out.toString().replaceAll("(?s)scored (\\d+) records.*", "$1"));
    assertThat(rest).as("killed in the middle").isPositive().isLessThan(3992);
    assertThat(ids(written("again", 3992))).doesNotHaveDuplicates();
  }

  @Test
  void aPredictionThatTheTopicDoesNotTakeIsInvalid() throws Exception {
    NewTopic tight = new NewTopic("tight", 1, (short) 1);
    tight.configs(Map.of(TopicConfig.MAX_MESSAGE_BYTES_CONFIG, "200"));
    try (Admin admin = Admin.create(kafka())) {
      admin.createTopics(List.of(tight)).all().get();
    }

    assertThat(run("rescore", "--to", "tight", "--from", "1990", "--until", "1995"))
        .as(err.toString())
        .isZero();

    assertThat(out.toString()).contains("scored 0 records to tight, 10 invalid");
    assertThat(err.toString()).contains("on topic tight, limit 200");
  }

  @Test
  void refusesWhatItCannotDo() {
    assertThat(run("rescore", "--to", "again", "--resume")).isEqualTo(2);
    assertThat(err.toString()).contains("no run to topic again to resume");
    assertThat(run("rescore", "--to", "desk-predictions")).isEqualTo(2);
    assertThat(err.toString()).contains("a topic of the deployment; use another");
    assertThat(run("rescore", "--to", "again", "--head", "9")).isEqualTo(2);
    assertThat(err.toString()).contains("no usable head 9");
    assertThat(run("rescore", "--to", "again", "--from", "yesterday")).isEqualTo(2);
    assertThat(err.toString()).contains("invalid bound 'yesterday': expected an offset or a time");
  }

  private String retention(String topic) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    try (Admin admin = Admin.create(kafka())) {
      return admin
          .describeConfigs(List.of(resource))
          .all()
          .get()
          .get(resource)
          .get(TopicConfig.RETENTION_MS_CONFIG)
          .value();
    }
  }

  private Process rescore() throws IOException {
    Files.deleteIfExists(KILLED.toPath());
    return JavaProcess.with(
            List.of("-Xmx256m"),
            Main.class.getName(),
            "rescore",
            "--config",
            config.toString(),
            "--to",
            "again")
        .redirectErrorStream(true)
        .redirectOutput(KILLED)
        .start();
  }

  /** Waits for as many: a commit is acknowledged before readers see it. */
  private List<ConsumerRecord<byte[], byte[]>> written(String topic, int count) {
    await().atMost(PATIENCE).until(() -> written(topic).size() >= count);
    List<ConsumerRecord<byte[], byte[]>> written = written(topic);
    assertThat(written).hasSize(count);
    return written;
  }

  private List<ConsumerRecord<byte[], byte[]>> written(String topic) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (TopicRange range =
        TopicRange.all(Map.of("bootstrap.servers", broker.bootstrapServers()), topic)) {
      while (range.left() > 0) {
        records.addAll(range.poll());
      }
    }
    return records;
  }

  private static List<String> ids(List<ConsumerRecord<byte[], byte[]>> records) {
    return records.stream().map(record -> prediction(record).recordId()).toList();
  }

  private static Prediction prediction(ConsumerRecord<byte[], byte[]> record) {
    return new JsonSerde<>(Prediction.class)
        .deserializer()
        .deserialize(record.topic(), record.value());
  }
}
