package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundles;
import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.heads.TestKeys;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.TopicSetup;
import dev.headwater.schema.Topics;
import dev.headwater.stream.FreePort;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.SslAuthenticationException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A deployment on a broker that lets in nobody it does not know: the scorer by its certificate, the
 * trainer by its password, with what `topics acls` grants them, secrets from files, heads signed.
 */
class SecurityIT {
  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final File SERVED = new File("target", "SecurityIT-serve.log");
  private static final File TRAINED = new File("target", "SecurityIT-train.log");
  private static final TopicNames NAMES = TopicNames.prefixed("desk");
  private static final Topics TOPICS = Topics.of(NAMES);

  @TempDir static Path directory;
  private static SecureBroker broker;
  private static TestKeys keys;
  private static Path scorer;
  private static Path trainer;
  private static Path operator;
  private static int port;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeAll
  static void deploy() throws Exception {
    broker = new SecureBroker(Files.createDirectory(directory.resolve("tls")), "scorer", "ops");
    broker.user("trainer", SecureBroker.SECRET);
    Access.Scope scope = new Access.Scope("desk", NAMES, "desk-again", List.of());
    for (Access.Role role :
        List.of(Access.Role.SCORER, Access.Role.TRAINER, Access.Role.OPERATOR)) {
      broker.allow(Access.of(role, scope, principal(role)).bindings());
    }
    keys = new TestKeys(directory).pair("head", "Ed25519").pair("stranger", "Ed25519");
    Bundles.tabular(Files.createDirectory(directory.resolve("bundle")), 4, 2);
    Path secrets = Files.createDirectory(directory.resolve("secrets"));
    Files.writeString(secrets.resolve("store"), SecureBroker.SECRET);
    Files.writeString(
        directory.resolve("secrets.properties"), "password=" + SecureBroker.SECRET + "\n");
    port = FreePort.next();
    scorer =
        config(
            "scorer",
            "",
            """
              bootstrap.servers: localhost:%d
              security.protocol: SSL
              config.providers: directory
              config.providers.directory.class: org.apache.kafka.common.config.provider.DirectoryConfigProvider
              ssl.keystore.location: %s
              ssl.keystore.password: ${directory:%s:store}
              ssl.truststore.location: %s
              ssl.truststore.password: ${directory:%s:store}
            """
                .formatted(
                    broker.mutualTls,
                    broker.keyStore("scorer"),
                    secrets,
                    broker.trustStore(),
                    secrets));
    trainer =
        config(
            "trainer",
            "signing-key: " + keys.signing("head") + ", ",
            """
              bootstrap.servers: localhost:%d
              security.protocol: SASL_SSL
              sasl.mechanism: SCRAM-SHA-512
              config.providers: file,env
              config.providers.file.class: org.apache.kafka.common.config.provider.FileConfigProvider
              config.providers.env.class: org.apache.kafka.common.config.provider.EnvVarConfigProvider
              sasl.jaas.config: org.apache.kafka.common.security.scram.ScramLoginModule required username="trainer" password="${file:%s:password}";
              ssl.truststore.location: ${TRUSTED}
              ssl.truststore.password: ${env:TRUSTED_PASSWORD}
            """
                .formatted(broker.scram, directory.resolve("secrets.properties")));
    operator =
        config(
            "operator",
            "signing-key: " + keys.signing("head") + ", ",
            Files.readString(scorer)
                .replaceFirst("(?s).*\nkafka:\n", "")
                .replace("scorer.p12", "ops.p12"));
  }

  private static Path config(String role, String signing, String kafka) throws IOException {
    return Files.writeString(
        directory.resolve(role + ".yaml"),
        """
        name: desk
        state-dir: %s
        bundle: {directory: %s}
        topics: {partitions: 2, join-partitions: 2}
        heads: {%strusted-keys: [%s]}
        selection: {threshold: 1, budget: 1, near-duplicate-distance: 0}
        adapt: {device: cpu, trigger-interval: 1s}
        http: {port: %d, trainer-port: 0}
        kafka:
        %s\
        """
            .formatted(
                directory.resolve("state"),
                directory.resolve("bundle"),
                signing,
                keys.trusted("head"),
                port,
                kafka));
  }

  private static String principal(Access.Role role) {
    return switch (role) {
      case SCORER -> "User:CN=scorer";
      case TRAINER -> "User:trainer";
      case OPERATOR -> "User:CN=ops";
      case RESCORER, EMBEDDER, COMPARER -> throw new AssertionError("see CommandRightsIT");
    };
  }

  @AfterAll
  static void undeploy() {
    broker.close();
  }

  @Test
  void learnsFromLabelsAndSwapsWithNoRightTooManyAndNoSecretTold() throws Exception {
    assertThat(run("topics", "create")).as(err.toString()).isZero();
    assertThat(run("topics", "check")).as(out.toString()).isZero();
    beginWithTooFewToProveAnything();
    Process serving = start("serve", scorer, SERVED);
    Process training = start("train", trainer, TRAINED);
    try {
      await().atMost(PATIENCE).until(() -> ready());
      long version = answerUntilAdapted(serving, training);
      assertThat(version).as("a head that the trainer signed").isPositive();
      assertThat(run("heads", "rollback", "0")).as(err.toString()).isZero();
      assertThat(run("heads", "pin", Long.toString(version))).as(err.toString()).isZero();
      // the trainer trains on and may take the version first: then it is to be tried again
      await().atMost(PATIENCE).until(() -> run("labels", "rename", "label-0", "ham") == 0);
      assertThat(run("labels", "erase", "r1")).as(err.toString()).isZero();
      String asked = directory.resolve("asked").toString();
      assertThat(run("review", "export", "--for", "csv", "--out", asked))
          .as(err.toString())
          .isZero();
      await().atMost(PATIENCE).until(() -> body("/health/ready").contains("head "));
      // of two that write a pointer at a time one comes second, is told stale, and writes again
      assertThat(body("/metrics"))
          .doesNotContainPattern(
              "headwater_head_refusals_total\\{(?!reason=\"stale\")[^}]*} [1-9]");

      writeAsAdmin(TOPICS.heads(), "live/kind", "{}".getBytes());
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  body("/metrics")
                      .contains(
                          "headwater_head_refusals_total{reason=\"unsigned\",task=\"kind\"} 1.0"));
      assertThat(body("/health/live")).contains("The record 'live/kind' is not signed.");
    } finally {
      serving.destroy();
      training.destroy();
    }
    assertThat(serving.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(training.waitFor(60, TimeUnit.SECONDS)).isTrue();
    for (File log : List.of(SERVED, TRAINED)) {
      assertThat(log)
          .content()
          .as("Kafka wrote its configuration to %s", log)
          .contains("ssl.truststore.password = [hidden]")
          .doesNotContain(SecureBroker.SECRET)
          .doesNotContain("uthorizationException");
    }
    assertThat(SERVED).content().contains("head rejected");
    assertThat(TRAINED).content().contains("sasl.jaas.config = [hidden]");
    assertThat(out.toString() + err).doesNotContain(SecureBroker.SECRET);
    everybodyMayCompareTheTopicsWithWhatTheyShouldBe();
    scorerCannotWriteHeads();
    scorerCannotFenceTheTrainer();
    trainerCannotWritePredictionsOrRecords();
    operatorWritesNeitherRecordsNorPredictions();
  }

  /** As {@code train --from} does: writes samples and heads as an operator; none goes live. */
  private void beginWithTooFewToProveAnything() throws IOException {
    Random random = new Random(1);
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      String line = new String(record(i, random).value()).replace("\"r", "\"history-");
      lines.add(line.replace("}", ",\"label\":\"label-" + i % 2 + "\"}"));
    }
    Path few = Files.write(directory.resolve("history.jsonl"), lines);
    assertThat(run("train", "--from", few.toString())).as(err.toString()).isZero();
    assertThat(out.toString()).contains("head 1 rejected: ");
  }

  private void operatorWritesNeitherRecordsNorPredictions() throws Exception {
    assertRefused(settings(operator).kafka(), NAMES.records().get(0));
    assertRefused(settings(operator).kafka(), NAMES.predictions());
  }

  /** As at every start, but with patience. */
  private void everybodyMayCompareTheTopicsWithWhatTheyShouldBe() throws Exception {
    for (Path role : List.of(scorer, trainer, operator)) {
      Settings settings = settings(role);
      assertThat(new TopicSetup(settings.kafka(), NAMES, settings.topicSettings()).check())
          .as(role.toString())
          .isEmpty();
    }
  }

  private void scorerCannotWriteHeads() throws Exception {
    Map<String, Object> kafka = settings(scorer).kafka();
    assertRefused(kafka, NAMES.heads());
    assertRefused(kafka, NAMES.labels());
    assertRefused(kafka, NAMES.records().get(0));
    writeTo(kafka, NAMES.predictions());
  }

  private void trainerCannotWritePredictionsOrRecords() throws Exception {
    Map<String, Object> kafka = settings(trainer).kafka();
    Stream.of(NAMES.predictions(), NAMES.records().get(0), NAMES.samples(), NAMES.labels())
        .forEach(topic -> assertRefused(kafka, topic));
    writeTo(kafka, NAMES.heads());
  }

  private void scorerCannotFenceTheTrainer() throws Exception {
    for (String writer : List.of("desk-trainer", "desk-cli")) {
      Map<String, Object> kafka = new HashMap<>(settings(scorer).kafka());
      kafka.put("transactional.id", writer);
      try (Producer<byte[], byte[]> producer = producer(kafka)) {
        assertThatThrownBy(producer::initTransactions)
            .isInstanceOf(TransactionalIdAuthorizationException.class);
      }
    }
  }

  private static void assertRefused(Map<String, Object> kafka, String topic) {
    assertThatThrownBy(() -> writeTo(kafka, topic))
        .as(topic)
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(TopicAuthorizationException.class);
  }

  @Test
  void nobodyComesInWithoutACertificateOrWithTheWrongPassword() throws Exception {
    Map<String, Object> anonymous = new HashMap<>(broker.withCertificate("admin"));
    anonymous.keySet().removeIf(key -> key.startsWith("ssl.keystore"));
    assertThatThrownBy(() -> writeTo(anonymous, NAMES.records().get(0)))
        .hasCauseInstanceOf(SslAuthenticationException.class);

    Map<String, Object> wrong = new HashMap<>(settings(trainer).kafka());
    wrong.put(
        "sasl.jaas.config",
        "org.apache.kafka.common.security.scram.ScramLoginModule required"
            + " username=\"trainer\" password=\"guess\";");
    assertThatThrownBy(() -> writeTo(wrong, NAMES.heads()))
        .hasCauseInstanceOf(SaslAuthenticationException.class);
  }

  @Test
  void aTrainerWithoutItsKeyDoesNotStart() throws Exception {
    String plain = Files.readString(trainer).replace("${TRUSTED}", broker.trustStore().toString());
    Path unsigned =
        Files.writeString(
            directory.resolve("unsigned.yaml"), plain.replaceAll("signing-key: [^,]+, ", ""));
    assertThat(execute(unsigned, "train")).isEqualTo(2);
    assertThat(err.toString()).contains("set heads.signing-key");

    Path strange =
        Files.writeString(
            directory.resolve("strange.yaml"),
            plain.replace(keys.signing("head").toString(), keys.signing("stranger").toString()));
    assertThat(execute(strange, "train")).isEqualTo(2);
    assertThat(err.toString())
        .contains("heads: the public key of")
        .contains("add it to heads.trusted-keys");
  }

  /** Sends records and answers what asks, until a head that was learned from them predicts. */
  private long answerUntilAdapted(Process... alive) {
    Random random = new Random(7);
    List<Long> versions = new ArrayList<>();
    Map<String, Object> kafka = new HashMap<>(broker.withCertificate("admin"));
    kafka.put("isolation.level", "read_committed");
    try (Producer<byte[], byte[]> producer = producer(kafka);
        Consumer<byte[], ReviewItem> review = consumer(kafka, TOPICS.review());
        Consumer<byte[], Prediction> predictions = consumer(kafka, TOPICS.predictions())) {
      int[] sent = {0};
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                assertThat(alive).allMatch(Process::isAlive);
                for (int i = 0; i < 10; i++) {
                  producer.send(record(sent[0]++, random));
                }
                producer.flush();
                for (var asked : review.poll(Duration.ofMillis(200))) {
                  producer.send(label(asked.value()));
                }
                predictions
                    .poll(Duration.ofMillis(100))
                    .forEach(
                        prediction -> versions.add(prediction.value().leading().headVersion()));
                return versions.stream().anyMatch(version -> version > 0);
              });
    }
    return versions.stream().mapToLong(version -> version).max().orElse(0);
  }

  private static ProducerRecord<byte[], byte[]> record(int i, Random random) {
    double centre = i % 2 == 0 ? -2 : 2;
    String json =
        "{\"id\":\"r%d\",\"x\":[%f,%f,%f,%f]}"
            .formatted(
                i,
                centre + random.nextGaussian(),
                centre + random.nextGaussian(),
                random.nextGaussian(),
                random.nextGaussian());
    return new ProducerRecord<>(NAMES.records().get(0), json.getBytes());
  }

  private static ProducerRecord<byte[], byte[]> label(ReviewItem asked) throws IOException {
    int i = Integer.parseInt(asked.recordId().substring(1));
    Label label = new Label(asked.recordId(), asked.task(), "label-" + i % 2);
    return new ProducerRecord<>(NAMES.labels(), Json.MAPPER.writeValueAsBytes(label));
  }

  private static <V> Consumer<byte[], V> consumer(Map<String, Object> kafka, Topic<?, V> topic) {
    Consumer<byte[], V> consumer =
        new KafkaConsumer<>(
            kafka,
            new org.apache.kafka.common.serialization.ByteArrayDeserializer(),
            topic.value().deserializer());
    List<TopicPartition> partitions =
        consumer.partitionsFor(topic.name()).stream()
            .map(p -> new TopicPartition(p.topic(), p.partition()))
            .toList();
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    return consumer;
  }

  private static Producer<byte[], byte[]> producer(Map<String, Object> kafka) {
    return new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private static void writeTo(Map<String, Object> kafka, String topic)
      throws ExecutionException, InterruptedException {
    try (Producer<byte[], byte[]> producer = producer(kafka)) {
      producer.send(new ProducerRecord<>(topic, "stray".getBytes(), "{}".getBytes())).get();
    }
  }

  private static void writeAsAdmin(Topic<?, ?> topic, String key, byte[] value) throws Exception {
    try (Producer<byte[], byte[]> producer = producer(broker.withCertificate("admin"))) {
      producer.send(new ProducerRecord<>(topic.name(), key.getBytes(), value)).get();
    }
  }

  private static Map<String, String> environment() {
    Map<String, String> environment = new HashMap<>();
    environment.put("TRUSTED", broker.trustStore().toString());
    environment.put("TRUSTED_PASSWORD", SecureBroker.SECRET);
    return environment;
  }

  private static Settings settings(Path config) throws Exception {
    Settings settings = SettingsLoader.load(config, environment(), Map.of());
    // this process has no such variable, which only Kafka's provider would look for
    settings
        .kafka()
        .replace("ssl.truststore.password", "${env:TRUSTED_PASSWORD}", SecureBroker.SECRET);
    return settings;
  }

  private int run(String... words) {
    return execute(operator, words);
  }

  private int execute(Path config, String... words) {
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of("--config", config.toString()));
    return Main.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(all.toArray(String[]::new));
  }

  /** As it is installed: with what an operator would see in the log, and Kafka's part of it. */
  private static Process start(String command, Path config, File log) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-Dlogback.configurationFile=" + Path.of("src/main/resources/logback.xml"),
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                command,
                "--config",
                config.toString())
            .redirectErrorStream(true)
            .redirectOutput(log);
    builder.environment().putAll(environment());
    builder.environment().put("HEADWATER_LOG_LEVEL", "DEBUG");
    builder.environment().put("ROOT_LOG_LEVEL", "INFO");
    return builder.start();
  }

  private static boolean ready() throws Exception {
    try {
      return get("/health/ready").statusCode() == 200;
    } catch (IOException e) {
      return false; // not listening yet
    }
  }

  private static String body(String path) throws Exception {
    return get(path).body();
  }

  private static HttpResponse<String> get(String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + port + path);
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
  }
}
