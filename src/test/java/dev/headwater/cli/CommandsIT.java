package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.onnx.OnnxFile;
import dev.headwater.replay.JavaProcess;
import dev.headwater.schema.JsonSerde;
import dev.headwater.schema.Prediction;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

/** The commands as an operator uses them, the scorer in a process of its own. */
class CommandsIT extends CommandedDeployment {
  private static final File SERVED = new File("target", "CommandsIT-serve.log");

  @Test
  void beginsADeploymentServesRollsBackAndExports() throws Exception {
    assertThat(run("topics", "check")).as("nothing is there yet").isEqualTo(3);
    assertThat(out.toString()).contains("desk-heads");
    assertThat(run("topics", "create")).isZero();
    assertThat(run("topics", "check")).as(out.toString()).isZero();

    assertThat(run("train", "--from", history().toString())).as(err.toString()).isZero();
    assertThat(out.toString()).contains("kind: head 1 is live with 2 labels");
    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString()).contains("kind: head 1 is live").contains("*    1");
    assertThat(run("heads", "show", "1")).isZero();
    assertThat(out.toString()).contains("\"trigger\" : \"history\"");

    setRetention("desk-samples", "3600000");
    Process scorer = serve();
    try {
      await().atMost(PATIENCE).until(() -> status("/health/ready") == 200);
      assertThat(SERVED)
          .content()
          .contains("topic desk-samples: retention.ms is 3600000, expected at least");
      predictedBy(1);
      assertThat(body("/metrics"))
          .contains("headwater_head_version{task=\"kind\"} 1.0")
          .contains("headwater_records_received_total");

      assertThat(run("heads", "rollback", "0")).as(err.toString()).isZero();
      predictedBy(0);
    } finally {
      scorer.destroy(); // SIGTERM
    }
    assertThat(scorer.waitFor(60, TimeUnit.SECONDS)).as("drains and ends").isTrue();
    assertThat(scorer.exitValue()).as("128 + SIGTERM").isEqualTo(143);

    Path exported = directory.resolve("adapted.onnx");
    assertThat(run("heads", "export", "--head", "1", "--out", exported.toString())).isZero();
    assertThat(OnnxFile.read(exported).split("auto").parameters()).isNotEmpty();
    assertThat(run("heads", "rollback", "7")).as("there is no head 7").isEqualTo(2);
    assertThat(err.toString()).contains("heads list");
  }

  @Test
  void saysWhatToDoWhereItIsToTrainOnADeviceThatIsNotThere() throws Exception {
    Files.writeString(config, Files.readString(config).replace("device: cpu", "device: cuda:99"));

    assertThat(run("train")).isEqualTo(1);
    assertThat(err.toString())
        .contains("device cuda:99 is not available, PyTorch finds")
        .contains("use auto or cpu");
  }

  private void setRetention(String topic, String millis) throws Exception {
    try (Admin admin = Admin.create(kafka())) {
      admin
          .incrementalAlterConfigs(
              Map.of(
                  new ConfigResource(ConfigResource.Type.TOPIC, topic),
                  List.of(
                      new AlterConfigOp(
                          new ConfigEntry(TopicConfig.RETENTION_MS_CONFIG, millis),
                          AlterConfigOp.OpType.SET))))
          .all()
          .get();
    }
  }

  /** Sends records until one is predicted by this version. */
  private void predictedBy(long version) {
    try (Producer<String, String> producer =
            new KafkaProducer<>(kafka(), new StringSerializer(), new StringSerializer());
        Consumer<byte[], Prediction> consumer =
            new KafkaConsumer<>(
                kafka(),
                new ByteArrayDeserializer(),
                new JsonSerde<>(Prediction.class).deserializer())) {
      consumer.assign(
          consumer.partitionsFor("desk-predictions").stream()
              .map(p -> new org.apache.kafka.common.TopicPartition(p.topic(), p.partition()))
              .toList());
      consumer.seekToEnd(consumer.assignment());
      consumer.assignment().forEach(consumer::position);
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                producer.send(
                    new ProducerRecord<>("desk-records", "{\"id\":\"r\",\"x\":[1,2,3,4]}"));
                producer.flush();
                return predictions(consumer).contains(version);
              });
    }
  }

  private static List<Long> predictions(Consumer<byte[], Prediction> consumer) {
    List<Long> versions = new ArrayList<>();
    consumer
        .poll(Duration.ofMillis(200))
        .forEach(record -> versions.add(record.value().leading().headVersion()));
    return versions;
  }

  private Process serve() throws IOException {
    return JavaProcess.with(
            List.of("-Xmx512m"), Main.class.getName(), "serve", "--config", config.toString())
        .redirectErrorStream(true)
        .redirectOutput(SERVED)
        .start();
  }

  private int status(String path) throws Exception {
    try {
      return get(path).statusCode();
    } catch (IOException e) {
      return 0; // not listening yet
    }
  }

  private String body(String path) throws Exception {
    return get(path).body();
  }

  private HttpResponse<String> get(String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + port + path);
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
  }
}
