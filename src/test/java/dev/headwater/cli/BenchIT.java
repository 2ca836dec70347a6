package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bench.Ffnn;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * One small round of the bench. It fails by itself where a contestant loses or repeats a record;
 * how fast anything is, is not asked here.
 */
class BenchIT {
  private static final List<String> CONTESTANTS =
      List.of("raw", "headwater", "plain", "noInference");

  @TempDir private Path directory;

  /** And keeps that where a later part fails. */
  @Test
  void comparesFourWaysToScoreTheSameRecords() throws Exception {
    Path file = measured(1, "adapt: {device: \"cuda:99\"}\n", "--only", "throughput,adaptation");
    JsonNode report = Json.MAPPER.readTree(file.toFile());

    assertThat(report.has("adaptation")).isFalse();
    for (String contestant : CONTESTANTS) {
      JsonNode measured = report.path(contestant);
      for (String key :
          List.of("recordsPerSecond", "cpuMicrosPerRecord", "allocatedBytesPerRecord")) {
        assertThat(measured.path(key).asDouble()).as("%s.%s", contestant, key).isPositive();
      }
      if (!contestant.equals("raw")) {
        assertThat(measured.path("sameLabelsAsRaw").asDouble()).as(contestant).isEqualTo(1);
      }
    }
    for (String ratio : List.of("headwaterToRaw", "headwaterToPlain", "headwaterToNoInference")) {
      JsonNode spread = report.path("ratio").path(ratio);
      for (String key : List.of("median", "min", "max")) {
        assertThat(spread.path(key).asDouble()).as("ratio.%s.%s", ratio, key).isPositive();
      }
    }
  }

  @Test
  void measuresWhatThroughputDoesNotTell() throws Exception {
    JsonNode report =
        report(
            "--workload",
            "ffnn",
            "--only",
            "latency,swap,finetune,start,adaptation,soak",
            "--rounds",
            "1",
            "--seconds",
            "0.2",
            "--minutes",
            "0.1");

    for (String load : List.of("load50", "load80")) {
      JsonNode latency = report.path("latencyMs").path(load);
      assertThat(latency.path("p50").asDouble())
          .as("%s: a transaction is not seen before it is committed", load)
          .isPositive()
          .isLessThanOrEqualTo(latency.path("p99").asDouble());
      assertThat(latency.path("p999").asDouble())
          .as(load)
          .isGreaterThanOrEqualTo(latency.path("p99").asDouble());
    }
    assertThat(report.at("/swap/addedP999Ms").isNumber()).isTrue();
    assertThat(report.at("/swap/publishToLiveMs").asDouble()).isPositive();
    assertThat(report.at("/finetune/seconds").asDouble()).isPositive();
    assertThat(report.at("/start/seconds").asDouble()).isPositive();
    assertThat(report.at("/adaptation/costToScoring").isNumber()).isTrue();
    assertThat(report.at("/adaptation/trainerCores").asDouble())
        .as("the trainer was at work")
        .isPositive();
    for (String held : List.of("latencyMs", "residentMb", "directMb")) {
      assertThat(report.at("/soak/lastHalf/" + held + "/mean").asDouble()).as(held).isPositive();
      assertThat(report.at("/soak/lastHalf/" + held + "/rise").isNumber()).as(held).isTrue();
    }
  }

  @Test
  void measuresADeploymentWhoseOwnBrokerIsLocked() throws Exception {
    JsonNode report =
        Json.MAPPER.readTree(
            measured(
                    0,
                    "kafka: {security.protocol: SASL_SSL, sasl.mechanism: SCRAM-SHA-512,"
                        + " ssl.truststore.location: nowhere.pem, bootstrap.servers: \"b:9093\"}\n",
                    "--only",
                    "start,adaptation")
                .toFile());

    assertThat(report.at("/start/seconds").asDouble()).isPositive();
    assertThat(report.at("/adaptation/trainings").asInt()).isPositive();
  }

  /**
   * @param more of the configuration; a key replaces what is there
   */
  private Path measured(int exit, String more, String... arguments) throws Exception {
    Path config = Ffnn.CRAYFISH.write(directory);
    String key = more.substring(0, more.indexOf(':'));
    Files.writeString(
        config, Files.readString(config).replaceAll("(?m)^" + key + ":.*\n", "") + more);
    Path file = directory.resolve("bench.json");
    List<String> all =
        new ArrayList<>(List.of("bench", "--config", config.toString(), "--report", "" + file));
    all.addAll(List.of("--rounds", "1", "--seconds", "0.2"));
    all.addAll(List.of(arguments));
    StringWriter err = new StringWriter();
    assertThat(
            Main.commandLine()
                .setErr(new PrintWriter(err, true))
                .execute(all.toArray(String[]::new)))
        .as(err.toString())
        .isEqualTo(exit);
    return file;
  }

  @Test
  void tellsWhatARecordCostsAsSomethingGrows() throws Exception {
    JsonNode report =
        report(
            "--workload",
            "ffnn",
            "--only",
            "scale",
            "--axes",
            "labels,tasks",
            "--up-to",
            "2",
            "--rounds",
            "1",
            "--seconds",
            "0.1");

    assertThat(report.at("/scale/tasks"))
        .extracting(point -> point.path("x").asInt())
        .containsExactly(1, 2);
    assertThat(report.at("/scale/labels"))
        .extracting(point -> point.path("x").asInt())
        .containsExactly(10);
    for (String axis : List.of("tasks", "labels")) {
      for (JsonNode point : report.path("scale").path(axis)) {
        assertThat(point.at("/microsPerRecord/median").asDouble()).as(axis).isPositive();
        assertThat(point.at("/cpuMicrosPerRecord/median").asDouble()).as(axis).isPositive();
      }
    }
    assertThat(report.at("/scale/exponents/tasks/cpu").isNumber()).isTrue();
    assertThat(report.at("/scale/exponents/labels/cpu").isNull())
        .as("one point has no power")
        .isTrue();
  }

  @Test
  void tellsWhatAFurtherTaskTakesFromTheFirst() throws Exception {
    Path config = new Ffnn(16, 3, 1).write(directory);
    Path report = directory.resolve("bench.json");
    String[] words = {
      "bench",
      "--config",
      "" + config,
      "--only",
      "tasks",
      "--rounds",
      "2",
      "--seconds",
      "0.2",
      "--report",
      "" + report
    };
    StringWriter err = new StringWriter();
    assertThat(Main.commandLine().setErr(new PrintWriter(err, true)).execute(words)).isEqualTo(2);
    assertThat(err.toString()).contains("part tasks requires at least two");

    Files.writeString(
        directory.resolve("headwater.yaml"),
        "  - {name: size, kind: regression, head: none, cut: features0}\n",
        StandardOpenOption.APPEND);
    assertThat(Main.commandLine().setErr(new PrintWriter(err, true)).execute(words))
        .as(err.toString())
        .isZero();

    JsonNode tasks = Json.MAPPER.readTree(report.toFile()).path("tasks");
    assertThat(tasks.path("count").asInt()).isEqualTo(2);
    for (String key : List.of("throughputToFirstAlone", "cpuToFirstAlone")) {
      assertThat(tasks.path(key).path("min").asDouble()).as(key).isPositive();
      assertThat(tasks.path(key).path("max").asDouble())
          .as(key)
          .isGreaterThanOrEqualTo(tasks.path(key).path("median").asDouble());
    }
  }

  @Test
  void leavesNothingBehindWhereItIsStopped() throws Exception {
    Process bench =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.io.tmpdir=" + directory,
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                "bench",
                "--workload",
                "ffnn")
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("bench.log").toFile())
            .start();
    try {
      await()
          .atMost(Duration.ofMinutes(2))
          .until(() -> !scratch().isEmpty() && Files.size(directory.resolve("bench.log")) > 0);
      bench.destroy();
      assertThat(bench.waitFor(2, TimeUnit.MINUTES)).isTrue();
    } finally {
      bench.destroyForcibly();
    }

    assertThat(scratch()).isEmpty();
    assertThat(directory.resolve("bench.log")).content().contains("interrupted before completion");
  }

  private List<Path> scratch() throws IOException {
    try (Stream<Path> all = Files.list(directory)) {
      return all.filter(path -> path.getFileName().toString().startsWith("headwater-")).toList();
    }
  }

  private JsonNode report(String... arguments) throws Exception {
    Path file = directory.resolve("bench.json");
    StringWriter err = new StringWriter();
    List<String> all = new ArrayList<>(List.of("bench", "--report", file.toString()));
    all.addAll(List.of(arguments));
    int exit =
        Main.commandLine().setErr(new PrintWriter(err, true)).execute(all.toArray(String[]::new));
    assertThat(exit).as(err.toString()).isZero();
    return Json.MAPPER.readTree(file.toFile());
  }
}
