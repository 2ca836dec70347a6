package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The status page in a real browser, while a replay runs and as the report it leaves behind. */
class StatusPageIT {
  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final Pattern URL = Pattern.compile("watch it at (http://\\S+)");

  /** What a replay has data for. */
  private static final List<String> PANELS =
      List.of("accuracy", "confidence", "labels", "latency", "flow", "drift", "training");

  @TempDir Path directory;

  @Test
  void showsAReplayWhileItRunsAndLeavesAReportBehind() throws Exception {
    try (Browser browser = Browser.open(directory.resolve("profile"))) {
      DriftingStream.bundle(directory.resolve("bundle"));
      DriftingStream.write(directory.resolve("stream.jsonl"), 2400, 100);
      Process replay = replay();
      try {
        await().atMost(PATIENCE).until(() -> !url().isEmpty() || !replay.isAlive());
        assertThat(url()).as(log()).isNotEmpty();
        browser.show(url());
        follow(browser);
        assertThat(browser.complaints()).isEmpty();
        assertThat(replay.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      } finally {
        replay.destroyForcibly();
      }
      assertThat(replay.exitValue()).as(log()).isZero();
      await()
          .untilAsserted(
              () ->
                  assertThat(browser.text("#state"))
                      .as("%s %s", browser.text("#foot"), browser.text("#cause"))
                      .isEqualTo("no answer"));
      browser.complaints(); // that nobody answers any more

      Path page = directory.resolve("report.html");
      browser.show(page.toUri().toString());
      read(browser);
      looksWell(browser, page.toString());
      assertThat(browser.complaints()).isEmpty();
    }
  }

  private void follow(Browser browser) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () -> {
              assertThat(browser.text("#state")).isEqualTo("ready");
              for (String panel : PANELS) {
                assertThat(browser.count("#" + panel + " canvas")).as(panel).isEqualTo(1);
              }
            });
    String before = browser.text("#tiles");
    await().atMost(PATIENCE).until(() -> !browser.text("#tiles").equals(before));
    await().atMost(PATIENCE).until(() -> browser.text("#news").contains("is live"));
    assertThat(browser.text("#lineage")).contains("accepted").contains("(live)");
    assertThat(
            (String)
                browser.ask(
                    "return document.querySelector('#accuracy canvas').getAttribute('aria-label');"))
        .contains("Head that learns")
        .contains("Frozen head");
    browser.click("#pause");
    assertThat(browser.ask("return document.querySelector('#pause').getAttribute('aria-pressed');"))
        .isEqualTo("true");
    browser.click("#pause");
  }

  private void read(Browser browser) throws IOException {
    JsonNode report = Json.MAPPER.readTree(directory.resolve("report.json").toFile());
    for (String panel : PANELS) {
      assertThat(browser.count("#" + panel + " canvas")).as(panel).isEqualTo(1);
      assertThat(browser.count("#" + panel + " tbody tr")).as("%s, closed", panel).isZero();
      browser.click("#" + panel + " summary");
      await().until(() -> browser.count("#" + panel + " tbody tr") > 0);
    }
    double adaptive = report.at("/accuracy/adaptive/overall").asDouble();
    double frozen = report.at("/accuracy/frozen/overall").asDouble();
    assertThat(browser.text("#tiles"))
        .contains(String.format(Locale.ROOT, "%.1f %%", 100 * adaptive))
        .contains(String.format(Locale.ROOT, "frozen %.1f %%", 100 * frozen));
    assertThat(browser.count("#lineage tr"))
        .as("the bundle's own and every candidate")
        .isEqualTo(1 + report.path("versions").size());
    assertThat(browser.ask("return performance.getEntriesByType('resource').length;"))
        .as("it loads nothing")
        .isEqualTo(0L);
  }

  private static void looksWell(Browser browser, String of) throws IOException {
    assertThat(browser.count("header, main, footer")).as("landmarks").isGreaterThanOrEqualTo(2);
    assertThat(browser.count("h1")).isEqualTo(1);
    assertThat(browser.ask("return document.querySelectorAll('canvas:not([aria-label])').length;"))
        .as("pictures without words")
        .isEqualTo(0L);
    for (boolean dark : new boolean[] {false, true}) {
      browser.dark(dark);
      browser.picture(Path.of("target", dark ? "status-page-dark.png" : "status-page.png"));
      await()
          .untilAsserted(
              () -> assertThat(browser.faintTexts()).as("%s, dark %s", of, dark).isEmpty());
    }
    browser.dark(false);
    for (int width : new int[] {320, 390}) {
      browser.size(width, 800);
      browser.picture(Path.of("target", "status-page-" + width + ".png"));
      await()
          .untilAsserted(
              () -> assertThat(browser.scrollsSideways()).as("%d px wide", width).isFalse());
    }
    browser.size(1280, 1000);
  }

  private Process replay() throws IOException {
    Path config =
        Files.writeString(
            directory.resolve("config.yaml"),
            """
            name: circle
            bundle: {directory: %s}
            state-dir: %s
            topics: {partitions: 2, join-partitions: 2}
            selection: {audit-share: 0.3, threshold: 0.9, budget: 0.9}
            adapt: {device: cpu}
            """
                .formatted(directory.resolve("bundle"), directory.resolve("state")));
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx1g",
            "-cp",
            System.getProperty("java.class.path"),
            "dev.headwater.cli.Main",
            "replay",
            "--config",
            config.toString(),
            "--stream",
            directory.resolve("stream.jsonl").toString(),
            "--rate",
            "80",
            "--report",
            directory.resolve("report.json").toString(),
            "--html",
            directory.resolve("report.html").toString())
        .redirectErrorStream(true)
        .redirectOutput(directory.resolve("replay.log").toFile())
        .start();
  }

  private String log() throws IOException {
    return Files.readString(directory.resolve("replay.log"));
  }

  private String url() throws IOException {
    Matcher url = URL.matcher(log());
    return url.find() ? url.group(1) : "";
  }
}
