package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Commands that are stopped while they read, of a broker that takes them in and never answers. */
class CtrlCIT extends CommandedDeployment {
  /** Far less than a client waits for its broker here. */
  private static final int AT_ONCE_SECONDS = 20;

  private ServerSocket silent;
  private Path unanswered;
  private Path log;

  @BeforeEach
  void leave() throws Exception {
    log = directory.resolve("command.log");
    silent = new ServerSocket(0, 0, InetAddress.getLoopbackAddress());
    silent.setSoTimeout(Math.toIntExact(PATIENCE.toMillis()));
    unanswered =
        Files.writeString(
            directory.resolve("unanswered.yaml"),
            Files.readString(config)
                .replace(
                    "\"%s\"".formatted(broker.bootstrapServers()),
                    "\"127.0.0.1:%d\", default.api.timeout.ms: 600000"
                        .formatted(silent.getLocalPort())));
  }

  @AfterEach
  void hangUp() throws IOException {
    silent.close();
  }

  @Test
  void aReplayLeavesNoCopyOfTheRecordsBehind() throws Exception {
    Process replay = start("replay", "--from-topic", "--config", unanswered.toString());
    try (Socket asked = silent.accept()) {
      assertThat(copies()).isNotEmpty();
      stop(replay);
    } finally {
      replay.destroyForcibly();
    }

    assertThat(copies()).isEmpty();
  }

  @Test
  void aReembeddingDoesNotWaitForTheEndOfWhatIsKnown() throws Exception {
    assertThat(run("topics", "create")).as(err.toString()).isZero();
    Process reembed =
        start("samples", "reembed", "--config", config.toString(), "--old", unanswered.toString());
    try (Socket asked = silent.accept()) {
      stop(reembed);
    } finally {
      reembed.destroyForcibly();
    }
  }

  private void stop(Process process) throws Exception {
    process.destroy();
    assertThat(process.waitFor(AT_ONCE_SECONDS, TimeUnit.SECONDS))
        .as(Files.readString(log))
        .isTrue();
  }

  private List<Path> copies() throws IOException {
    try (Stream<Path> all = Files.list(directory)) {
      return all.filter(path -> path.getFileName().toString().startsWith("headwater-records-"))
          .toList();
    }
  }

  private Process start(String... words) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1", // says how to run: replay starts no other Java
                "-Djava.io.tmpdir=" + directory,
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(List.of(words));
    return new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(log.toFile())
        .start();
  }
}
