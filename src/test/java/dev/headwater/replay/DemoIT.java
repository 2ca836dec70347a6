package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the demo shows: a real transformer that meets requests it has never seen, and learns them.
 */
class DemoIT {
  private static final int PATIENCE_S = 240;

  @TempDir static Path directory;

  @BeforeAll
  static void runTheDemo() throws Exception {
    Path config =
        Files.writeString(
            directory.resolve("support.yaml"),
            Files.readString(Path.of("deploy/examples/support.yaml"))
                .replace("replay:", "replay:\n  report: " + directory.resolve("report.json"))
                .replace("target/demo.html", directory.resolve("demo.html").toString()));
    Process demo =
        JavaProcess.of("dev.headwater.cli.Main", "demo", "--config", config.toString())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve("demo.log").toFile())
            .start();
    try {
      assertThat(demo.waitFor(PATIENCE_S, TimeUnit.SECONDS)).as(shown()).isTrue();
    } finally {
      demo.destroyForcibly();
    }
    assertThat(demo.exitValue()).as(shown()).isZero();
  }

  private static String shown() throws Exception {
    return Files.readString(directory.resolve("demo.log"));
  }

  private static JsonNode report() throws Exception {
    return Json.MAPPER.readTree(directory.resolve("report.json").toFile());
  }

  @Test
  void startsFromHistoryAndLearnsTheLaunchedIntents() throws Exception {
    JsonNode report = report();

    assertThat(report.path("predictions").asInt()).isEqualTo(960);
    assertThat(report.path("deadLetters").asInt()).isZero();
    assertThat(report.path("duplicates").asInt()).isZero();
    assertThat(report.at("/accuracy/frozen/segments/0").asDouble())
        .as("head 1 knows what history taught it")
        .isGreaterThan(.7);
    assertThat(report.at("/accuracy/frozen/segments/9").asDouble())
        .as("most of the late stream is new to it")
        .isLessThan(.5);
    assertThat(report.at("/accuracy/adaptive/segments/9").asDouble())
        .as("learned from the stream")
        .isGreaterThan(.65);
    assertThat(report.at("/versions/0/trigger").asText()).isEqualTo("history");
    assertThat(report.path("versions").findValuesAsText("verdict")).contains("accepted");
    assertThat(shown())
        .contains("head 1 is live with 16 labels", "960 of 960 records", "is live from record")
        .doesNotContain("WARN", "Exception");
  }

  @Test
  void leavesThePageBehind() throws Exception {
    try (Browser browser = Browser.open(directory.resolve("profile"))) {
      browser.show(directory.resolve("demo.html").toUri().toString());

      assertThat(browser.text("#name")).isEqualTo("supportreplay, report");
      assertThat(browser.text("#tiles"))
          .contains(percent("adaptive"))
          .contains("frozen " + percent("frozen"));
      assertThat(browser.text("#lineage")).contains("history").contains("accepted");
      Usable.toScreenReaders(
          browser, List.of("accuracy", "confidence", "labels", "latency", "flow", "training"));
      Usable.byKeyboard(browser);
      Usable.toEyes(browser, "demo-page");
      assertThat(browser.complaints()).isEmpty();
    }
  }

  private static String percent(String head) throws Exception {
    double overall = report().at("/accuracy/" + head + "/overall").asDouble();
    return String.format(Locale.ROOT, "%.1f %%", 100 * overall);
  }
}
