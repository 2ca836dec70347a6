package dev.headwater.cli;

import static org.awaitility.Awaitility.await;

import dev.headwater.adapt.Trainer;
import dev.headwater.bundle.Bundles;
import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.Signatures;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.replay.recorded.TopicRange;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Topic;
import dev.headwater.stream.FreePort;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A broker, a bundle and a configuration, and the commands as an operator types them. */
abstract class CommandedDeployment {
  static final Duration PATIENCE = Duration.ofSeconds(90);

  @TempDir Path directory;

  final StringWriter out = new StringWriter();
  final StringWriter err = new StringWriter();
  EmbeddedBroker broker;
  Path config;
  int port;

  @BeforeEach
  void deploy() throws Exception {
    broker = EmbeddedBroker.start(directory.resolve("broker"));
    Path bundle = Files.createDirectory(directory.resolve("bundle"));
    Bundles.tabular(bundle, 4, 2);
    port = FreePort.next();
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

  Path history() throws IOException {
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

  Map<String, Object> kafka() {
    return Map.of(
        "bootstrap.servers", broker.bootstrapServers(), "isolation.level", "read_committed");
  }

  int run(String... words) {
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

  static Settings settings(Path file) throws Exception {
    return SettingsLoader.load(file, Map.of(), Map.of());
  }

  /** A trainer learns from what is on its topic, till a head of its own is live. */
  static void learn(Settings settings, String task) throws Exception {
    try (Trainer trainer =
        new Trainer(
            settings.adapt(),
            settings.gates(),
            settings.loadBundle(),
            settings.topics(),
            settings.kafka(),
            TrainerMetrics.NOOP,
            Clock.systemUTC())) {
      trainer.start();
      await()
          .atMost(PATIENCE)
          .until(
              () ->
                  HeadLog.read(settings.kafka(), settings.topics().heads(), Signatures.NONE)
                      .live(task)
                      .filter(live -> live.version() > 0)
                      .isPresent());
    }
  }

  /** The labelled samples by record id, the latest of each. */
  static Map<String, Sample> labelled(Settings settings) {
    return read(settings, settings.topics().samples()).stream()
        .filter(sample -> sample.getLabel() != null)
        .collect(Collectors.toMap(Sample::getRecordId, sample -> sample, (one, other) -> other));
  }

  static <V> List<V> read(Settings settings, Topic<?, V> topic) {
    List<V> values = new ArrayList<>();
    try (TopicRange range = TopicRange.all(settings.kafka(), topic.name())) {
      while (range.left() > 0) {
        range
            .poll()
            .forEach(
                record ->
                    values.add(
                        topic.value().deserializer().deserialize(topic.name(), record.value())));
      }
    }
    return values;
  }
}
