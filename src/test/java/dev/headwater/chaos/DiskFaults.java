package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.stream.HeadwaterProcess;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What happens to disks. Linux, and but for the first as root. */
final class DiskFaults {
  private static final int SLOW_SECONDS = 5;
  private static final int SLOW_WRITES = 100;

  private static final String FULL = "No space left";

  /** So small that they are written all the time. */
  private static final Map<String, String> SMALL_STORES =
      Map.of("HEADWATER_STREAM_STORE_BYTES", "1048576");

  private DiskFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of("state directory lost", DiskFaults::lose).aborting(),
        Fault.of("disk full for state", filled(Map.of(), DiskFaults::startAgain)).aborting(),
        Fault.of("disk full for state while it runs", filled(SMALL_STORES, DiskFaults::goOn))
            .aborting(),
        Fault.of("slow disk of the broker", DiskFaults::slow));
  }

  /** With it the transactional ids: what was open is aborted by being late. */
  private static boolean lose(Run run) throws Exception {
    String member = run.processes.any(run.random);
    int code = run.processes.scorer(member).kill();
    run.hit();
    try (Stream<Path> files = Files.walk(run.processes.streamsState(member))) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
    run.processes.start(member);
    return code == 128 + 9;
  }

  /** What a scorer on a full disk does. */
  private interface Filled {
    void meets(Run run, String member, Path filler) throws Exception;
  }

  /**
   * @param environment of the scorer
   */
  private static Fault.Firing filled(Map<String, String> environment, Filled filled) {
    return run -> {
      String member = run.processes.any(run.random);
      Path disk = run.processes.streamsState(member);
      run.processes.scorer(member).kill();
      command("mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk.toString());
      try {
        run.processes.environment().putAll(environment);
        run.processes.start(member);
        run.processes.environment().clear();
        run.awaitMore(Load.RATE);
        Path filler = disk.resolve("filler");
        fill(filler);
        filled.meets(run, member, filler);
        run.awaitRecovery();
        run.processes.stop(member);
      } finally {
        command("umount", "--lazy", disk.toString());
      }
      run.processes.start(member);
      return true;
    };
  }

  /**
   * A scorer that finds no room says so, and throws its stores away: what room that leaves may do,
   * or it does nothing until there is more.
   */
  private static void startAgain(Run run, String member, Path filler) throws Exception {
    run.processes.scorer(member).kill();
    run.hit();
    HeadwaterProcess full = run.processes.launch(member);
    await().atMost(PATIENCE).until(() -> full.logged(FULL));
    await().atMost(PATIENCE).until(() -> full.dead() || full.ready());
    if (full.dead()) {
      full.kill();
      Files.delete(filler);
      run.processes.start(member);
    }
  }

  /**
   * The next write finds no room: a scorer that is not alive any more leaves its work to the other,
   * until somebody starts it again.
   */
  private static void goOn(Run run, String member, Path filler) {
    HeadwaterProcess scorer = run.processes.scorer(member);
    await().atMost(PATIENCE).until(() -> scorer.logged(FULL));
    run.hit();
  }

  private static void fill(Path filler) throws IOException {
    byte[] block = new byte[4096];
    try (OutputStream out = Files.newOutputStream(filler)) {
      while (true) {
        out.write(block);
      }
    } catch (IOException e) {
      assertThat(e).as("the disk is full").hasMessageContaining(FULL);
    }
  }

  /** Each write and flush of the broker takes 5 ms more, on its way to clients as well. */
  private static boolean slow(Run run) throws Exception {
    Path trace = run.directory("strace.log");
    Process strace =
        new ProcessBuilder(
                "strace",
                "-f",
                "-o",
                trace.toString(),
                "-p",
                Long.toString(run.cluster.node().pid()),
                "-e",
                "trace=write,pwrite64,fsync,fdatasync",
                "-e",
                "inject=write,pwrite64,fsync,fdatasync:delay_enter=5000")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    try {
      await().atMost(PATIENCE).until(() -> delayed(trace) > 0 || !strace.isAlive());
      run.hit();
      boolean ended = strace.waitFor(SLOW_SECONDS, TimeUnit.SECONDS);
      return !ended && delayed(trace) > SLOW_WRITES;
    } finally {
      strace.destroy();
      strace.waitFor();
    }
  }

  private static long delayed(Path trace) throws IOException {
    if (!Files.exists(trace)) {
      return 0;
    }
    try (Stream<String> lines = Files.lines(trace, UTF_8)) {
      return lines.filter(line -> line.contains("(DELAYED)")).count();
    }
  }

  private static void command(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as("%s: %s", String.join(" ", command), said).isZero();
  }
}
