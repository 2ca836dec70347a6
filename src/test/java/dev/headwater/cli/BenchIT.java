package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

  @Test
  void comparesFourWaysToScoreTheSameRecords() throws Exception {
    JsonNode report =
        report("--workload", "ffnn", "--only", "throughput", "--rounds", "1", "--seconds", "0.5");

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
            "latency,swap,finetune,start,adaptation",
            "--rounds",
            "1",
            "--seconds",
            "0.5");

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
    assertThat(report.at("/swap/addedP999Ms/median").isNumber()).isTrue();
    assertThat(report.at("/swap/publishToLiveMs/median").asDouble()).isPositive();
    assertThat(report.at("/finetune/seconds").asDouble()).isPositive();
    assertThat(report.at("/start/seconds").asDouble()).isPositive();
    assertThat(report.at("/adaptation/costToScoring/median").isNumber()).isTrue();
    assertThat(report.at("/adaptation/trainerCores/median").asDouble())
        .as("the trainer was at work")
        .isPositive();
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
