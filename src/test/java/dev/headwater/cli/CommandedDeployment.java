package dev.headwater.cli;

import dev.headwater.bundle.Bundles;
import dev.headwater.replay.EmbeddedBroker;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
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

  static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
