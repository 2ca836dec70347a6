package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundles;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadSettings;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.JsonSerde;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.schema.Verdict;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.ServerSocket;
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
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands as an operator uses them, the scorer in a process of its own. */
class CommandsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(90);

  @TempDir Path directory;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private EmbeddedBroker broker;
  private Path config;
  private int port;

  @BeforeEach
  void deploy() throws Exception {
    broker = EmbeddedBroker.start(directory.resolve("broker"));
    Path bundle = Files.createDirectory(directory.resolve("bundle"));
    Bundles.tabular(bundle, 4, 2);
    port = freePort();
    config =
        Files.writeString(
            directory.resolve("config.yaml"),
            """
            name: desk
            state-dir: %s
            bundle: {directory: %s}
            kafka: {bootstrap.servers: "%s"}
            topics: {partitions: 2, join-partitions: 2}
            adapt: {device: cpu, promotion: manual}
            http: {port: %d}
            """
                .formatted(directory.resolve("state"), bundle, broker.bootstrapServers(), port));
  }

  @AfterEach
  void undeploy() {
    broker.close();
  }

  @Test
  void beginsADeploymentServesRollsBackAndExports() throws Exception {
    assertThat(run("topics", "check")).as("nothing is there yet").isEqualTo(1);
    assertThat(out.toString()).contains("desk-heads");
    assertThat(run("topics", "create")).isZero();
    assertThat(run("topics", "check")).as(out.toString()).isZero();

    assertThat(run("train", "--from", history().toString())).as(err.toString()).isZero();
    assertThat(out.toString()).contains("head 1 of kind is live");
    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString()).contains("kind: head 1 is live").contains("*    1");
    assertThat(run("heads", "show", "1")).isZero();
    assertThat(out.toString()).contains("\"trigger\" : \"history\"");

    Process scorer = serve();
    try {
      await().atMost(PATIENCE).until(() -> status("/health/ready") == 200);
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
  void approvesOfWhatWaitsAndPinsWhatIsToStay() throws Exception {
    assertThat(run("topics", "create")).isZero();
    assertThat(run("train", "--from", history().toString())).as(err.toString()).isZero();
    propose(2, true);
    propose(3, false);
    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString()).contains("*    1").contains("?    2").contains("     3");

    assertThat(run("heads", "approve", "3")).isEqualTo(2);
    assertThat(err.toString()).contains("the gate did not accept it").contains("planted");
    assertThat(run("heads", "approve", "9")).isEqualTo(2);
    assertThat(err.toString()).contains("no head 9");
    assertThat(run("heads", "approve", "2")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("head 2 of kind is live from epoch");
    assertThat(run("heads", "approve", "2")).isEqualTo(2);
    assertThat(err.toString()).contains("live already");

    assertThat(run("heads", "pin", "1")).as(err.toString()).isZero();
    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString()).contains("head 1 is live and pinned").contains("*p   1");
    assertThat(run("heads", "approve", "2")).isEqualTo(2);
    assertThat(err.toString()).contains("heads unpin");
    assertThat(run("heads", "unpin")).as(err.toString()).isZero();
    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString()).contains("*    1").doesNotContain("pinned");
    assertThat(run("heads", "unpin")).isEqualTo(2);
    assertThat(err.toString()).contains("no head of kind is pinned");
  }

  @Test
  void changesLabelsAndErasesRecords() throws Exception {
    assertThat(run("topics", "create")).isZero();
    assertThat(run("train", "--from", history().toString())).as(err.toString()).isZero();

    assertThat(run("labels", "rename", "label-0", "ham")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("label label-0 is called ham from now on: head 2 of kind");
    assertThat(run("heads", "show", "2")).isZero();
    assertThat(out.toString()).contains("\"ham\"").doesNotContain("\"label-0\"");
    assertThat(run("labels", "rename", "ham", "label-1")).isEqualTo(2);
    assertThat(err.toString()).contains("labels merge");
    assertThat(run("labels", "retire", "nothing")).isEqualTo(2);
    assertThat(err.toString()).contains("knows no label nothing");
    assertThat(run("labels", "merge", "ham", "label-1")).as("one would be left").isEqualTo(2);
    assertThat(err.toString()).contains("needs two labels");

    assertThat(run("labels", "erase", "r1")).as(err.toString()).isZero();
    assertThat(tombstones()).containsExactly("r1");
  }

  private List<String> tombstones() {
    List<String> keys = new ArrayList<>();
    try (Consumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(kafka(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(
          consumer.partitionsFor("desk-labels").stream()
              .map(p -> new org.apache.kafka.common.TopicPartition(p.topic(), p.partition()))
              .toList());
      consumer.seekToBeginning(consumer.assignment());
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                consumer
                    .poll(Duration.ofMillis(200))
                    .forEach(
                        record -> {
                          if (record.value() == null) {
                            keys.add(
                                new String(record.key(), java.nio.charset.StandardCharsets.UTF_8));
                          }
                        });
                return !keys.isEmpty();
              });
    }
    return keys;
  }

  /** As a trainer in manual mode would, of head 1. */
  private void propose(long version, boolean accepted) {
    Topic<String, byte[]> topic = Topics.of(TopicNames.prefixed("desk")).heads();
    Head first = HeadLog.read(kafka(), topic).head("kind", 1).orElseThrow();
    HeadInfo info = first.info();
    HeadInfo next =
        new HeadInfo(
            "kind",
            version,
            1,
            info.labels(),
            info.backbone(),
            info.createdAt(),
            "samples",
            "cpu",
            new Verdict(accepted, "planted", 10, Map.of()));
    try (HeadPublisher publisher =
        new HeadPublisher(kafka(), topic, "desk-trainer", HeadSettings.DEFAULT)) {
      if (accepted) {
        publisher.propose(
            new Head(next, first.tensors(), first.goldenFeatures(), first.goldenLogits()));
      } else {
        publisher.refuse(next);
      }
    }
  }

  private Path history() throws IOException {
    Random random = new Random(7);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      double centre = i % 2 == 0 ? -2 : 2;
      lines.add(
          "{\"id\":\"h%d\",\"x\":[%f,%f,%f,%f],\"label\":\"%s\"}"
              .formatted(
                  i,
                  centre + random.nextGaussian(),
                  centre + random.nextGaussian(),
                  random.nextGaussian(),
                  random.nextGaussian(),
                  "label-" + i % 2));
    }
    return Files.write(directory.resolve("history.jsonl"), lines);
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
        .forEach(record -> versions.add(record.value().headVersion()));
    return versions;
  }

  private Map<String, Object> kafka() {
    return Map.of(
        "bootstrap.servers", broker.bootstrapServers(), "isolation.level", "read_committed");
  }

  private Process serve() throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx512m",
            "-cp",
            System.getProperty("java.class.path"),
            Main.class.getName(),
            "serve",
            "--config",
            config.toString())
        .redirectErrorStream(true)
        .redirectOutput(new File("target", "CommandsIT-serve.log"))
        .start();
  }

  private int run(String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.add("--config");
    all.add(config.toString());
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(all.toArray(String[]::new));
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

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
