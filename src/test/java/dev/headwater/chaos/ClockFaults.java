package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.stream.HeadwaterProcess;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The wall clock of one scorer jumps. Needs a C compiler: a library is preloaded. */
final class ClockFaults {
  private static final long HOUR = Duration.ofHours(1).toSeconds();

  private ClockFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of("clock jumps an hour ahead", run -> jump(run, 0, HOUR)),
        Fault.of("clock jumps an hour back", run -> jump(run, HOUR, 0)));
  }

  /** By its restart before and after, the other firings and the end find a right clock. */
  private static boolean jump(Run run, long from, long to) throws Exception {
    String member = run.processes.any(run.random);
    Path clock = run.directory("clock");
    set(clock, from);
    run.processes.stop(member);
    run.processes
        .environment()
        .putAll(Map.of("LD_PRELOAD", library(run).toString(), "CLOCK_FILE", clock.toString()));
    try {
      run.processes.start(member);
    } finally {
      run.processes.environment().clear();
    }
    await().atMost(PATIENCE).until(() -> Latency.of(run, member).records > 0);
    Latency before = Latency.of(run, member);
    set(clock, to);
    run.hit();
    run.awaitRecovery();
    // by its own measure its records are an hour older than before, or younger
    double since = Latency.of(run, member).mean(before);
    boolean seen = Math.abs(since - before.mean(Latency.NONE)) > HOUR / 2.0;
    run.processes.stop(member);
    run.processes.start(member);
    return seen;
  }

  /** What a scorer has measured so far. */
  private record Latency(double seconds, double records) {
    static final Latency NONE = new Latency(0, 0);

    static Latency of(Run run, String member) throws Exception {
      HeadwaterProcess scorer = run.processes.scorer(member);
      return new Latency(
          scorer.gauge("record_latency_seconds_sum"), scorer.gauge("record_latency_seconds_count"));
    }

    double mean(Latency since) {
      return (seconds - since.seconds) / (records - since.records);
    }
  }

  private static void set(Path clock, long seconds) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(seconds).flip();
    // in place: whoever has mapped it sees it
    try (FileChannel file =
        FileChannel.open(clock, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      file.write(bytes, 0);
    }
  }

  private static Path library(Run run) throws IOException, InterruptedException {
    Path source = run.directory("clock.c");
    Path library = run.directory("clock.so");
    try (InputStream in = ClockFaults.class.getResourceAsStream("clock.c")) {
      Files.copy(in, source, StandardCopyOption.REPLACE_EXISTING);
    }
    Process cc =
        new ProcessBuilder(
                "cc", "-shared", "-fPIC", "-o", library.toString(), source.toString(), "-ldl")
            .inheritIO()
            .start();
    assertThat(cc.waitFor()).as("exit code of the C compiler").isZero();
    return library;
  }
}
