package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A replay's second Java, and that the two end together, whichever is told to. */
class CompiledOnceIT {
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  @TempDir Path directory;

  @BeforeEach
  void write() throws Exception {
    DriftingStream.bundle(directory.resolve("bundle"));
    DriftingStream.write(directory.resolve("stream.jsonl"), 24_000, 100);
    Files.writeString(
        directory.resolve("config.yaml"),
        """
        name: circle
        bundle: {directory: %s}
        state-dir: %s
        adapt: {device: cpu}
        replay: {stream: %s, rate: 80}
        """
            .formatted(
                directory.resolve("bundle"),
                directory.resolve("state"),
                directory.resolve("stream.jsonl")));
  }

  @Test
  void endsCleanlyWithTheOneThatIsToldTo() throws Exception {
    Process replay = replay(List.of("-Xmx1g"));
    List<ProcessHandle> all = running(replay);
    try {
      replay.destroy(); // SIGTERM, as from a supervisor that knows of one process only

      assertThat(replay.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(all).as("none outlives it").noneMatch(ProcessHandle::isAlive);
      assertThat(replay.exitValue()).as("128 + SIGTERM").isEqualTo(143);
      assertThat(log()).contains("interrupted before the end of the stream: no report");
    } finally {
      all.forEach(ProcessHandle::destroyForcibly);
    }
  }

  /**
   * A terminal tells the whole process group; what a shell puts aside is deaf unless it is told.
   */
  @Test
  void endsCleanlyAtCtrlC() throws Exception {
    ProcessBuilder replay = builder(List.of("-Xmx1g"));
    replay.command().addAll(0, List.of("setsid", "env", "--default-signal=INT"));
    Process group = replay.start();
    List<ProcessHandle> all = running(group);
    try {
      Process ctrlC = new ProcessBuilder("kill", "-INT", "--", "-" + group.pid()).start();
      assertThat(ctrlC.waitFor()).isZero();

      assertThat(group.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(all).as("none outlives it").noneMatch(ProcessHandle::isAlive);
      assertThat(group.exitValue()).as("128 + SIGINT").isEqualTo(130);
      assertThat(log())
          .contains("interrupted before the end of the stream: no report")
          .doesNotContain("ERROR")
          .doesNotContain("Exception");
    } finally {
      all.forEach(ProcessHandle::destroyForcibly);
    }
  }

  @Test
  void endsWithTheOneThatIsKilled() throws Exception {
    Process replay = replay(List.of("-Xmx1g"));
    List<ProcessHandle> all = running(replay);
    try {
      replay.destroyForcibly();

      await().atMost(PATIENCE).until(() -> all.stream().noneMatch(ProcessHandle::isAlive));
    } finally {
      all.forEach(ProcessHandle::destroyForcibly);
    }
  }

  @Test
  void isNotStartedWhereSomebodyChoseHowJavaRuns() throws Exception {
    Process replay = replay(List.of("-Xmx1g", "-XX:+UseSerialGC"));
    List<ProcessHandle> all = running(replay);
    try {
      assertThat(all).as("itself and its broker").hasSize(2);
    } finally {
      all.forEach(ProcessHandle::destroyForcibly);
    }
  }

  /** It and all that it started, once records flow. */
  private List<ProcessHandle> running(Process replay) throws Exception {
    await().atMost(PATIENCE).until(() -> log().contains("of 24,000 records") || !replay.isAlive());
    assertThat(replay.isAlive()).as(log()).isTrue();
    List<ProcessHandle> started = replay.descendants().toList();
    assertThat(started)
        .allSatisfy(
            process ->
                assertThat(process.info().commandLine().orElseThrow())
                    .contains("-XX:TieredStopAtLevel=1"));
    return Stream.concat(Stream.of(replay.toHandle()), started.stream()).toList();
  }

  private Process replay(List<String> options) throws IOException {
    return builder(options).start();
  }

  private ProcessBuilder builder(List<String> options) {
    return JavaProcess.with(
            options,
            "dev.headwater.cli.Main",
            "replay",
            "--config",
            directory.resolve("config.yaml").toString())
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("replay.log").toFile());
  }

  private String log() throws IOException {
    return Files.readString(directory.resolve("replay.log"));
  }
}
