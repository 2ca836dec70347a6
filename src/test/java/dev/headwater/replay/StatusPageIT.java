package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.http.MicrometerScorerMetrics;
import dev.headwater.http.Status;
import dev.headwater.http.StatusPage;
import dev.headwater.metrics.Health;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Json;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;

/** The status page in a real browser, while a replay runs and as the report it leaves behind. */
class StatusPageIT {
  private static final Duration PATIENCE = Duration.ofSeconds(120);
  private static final Pattern URL = Pattern.compile("status page: (http://\\S+)");

  /** What a replay has data for. */
  private static final List<String> PANELS =
      List.of("accuracy", "confidence", "labels", "latency", "flow", "drift", "training");

  private static final String COLUMNS =
      """
      const canvas = document.querySelector('#accuracy canvas'), chart = Chart.getChart(canvas), area = chart.chartArea;
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true});
      copy.drawImage(canvas, 0, 0);
      const pixels = (x, y, wide, high) => {
        const {data} = copy.getImageData(Math.round(x), Math.round(y), wide, high);
        return Array.from({length: high}, (_, row) =>
          Array.from({length: wide}, (_, column) => data[4 * (row * wide + column) + 3]).some(alpha => alpha > 60));
      };
      const ink = x => { const rows = pixels(x, area.top, 2, Math.floor(area.height)); return rows.filter(Boolean).length / rows.length; };
      const swaps = chart.$marks.map(mark => ({text: mark.text, x: chart.scales.x.getPixelForValue(mark.at)}))
        .filter(swap => swap.x >= area.left && swap.x <= area.right);
      """;

  /** What is drawn where another head took over: the share of the height, and whether above it. */
  private static final String SWAPS =
      COLUMNS
          + """
          return swaps.map(({text, x}) => ({text, ink: ink(x - 1), named: pixels(Math.max(area.left, x - 10), area.top - 15, 20, 10).some(Boolean)}));
          """;

  /** The same of the column in the middle of all others. */
  private static final String BESIDE =
      COLUMNS
          + """
          const others = [];
          for (let x = area.left + 4; x < area.right - 4; x += 2) if (swaps.every(swap => Math.abs(swap.x - x) > 4)) others.push(ink(x));
          return others.sort((a, b) => a - b)[others.length >> 1];
          """;

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
                      .isEqualTo("unreachable"));
      browser.complaints(); // that nobody answers any more

      Path page = directory.resolve("report.html");
      browser.show(page.toUri().toString());
      read(browser);
      marksEverySwap(browser);
      Usable.toScreenReaders(browser, PANELS);
      Usable.byKeyboard(browser);
      Usable.toEyes(browser, "status-page");
      assertThat(browser.complaints()).isEmpty();
    }
  }

  @Test
  void aTaskIsPickedByKeyboard() throws Exception {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    List<String> tasks = List.of("domain", "intent");
    ScorerMetrics metrics = new MicrometerScorerMetrics(registry, tasks);
    tasks.forEach(task -> metrics.recordConfidence(task, .5));
    accuracy(registry, "domain", .25);
    accuracy(registry, "intent", .75);
    Map<String, Double> thresholds = new TreeMap<>(Map.of("domain", .7, "intent", .9));
    Path page = directory.resolve("page.html");
    try (Browser browser = Browser.open(directory.resolve("profile"));
        Status status =
            new Status(
                registry,
                new Status.About("desk", "scorer", thresholds),
                () -> Health.up("running"),
                List::of,
                Optional.empty())) {
      StatusPage.write(page, status, null);
      browser.show(page.toUri().toString());
      Usable.toScreenReaders(browser, List.of("accuracy", "confidence"));
      Usable.byKeyboard(browser);

      String shown =
          "return document.querySelector('#confidence canvas').getAttribute('aria-label');";
      assertThat((String) browser.ask(shown)).contains("threshold of 0.7");
      assertThat(label(browser)).contains("25.0 %");
      browser.ask("document.querySelector('#task').focus();");
      browser.press(Keys.ARROW_DOWN);
      assertThat((String) browser.ask(shown)).contains("threshold of 0.9");
      assertThat(label(browser)).as("of the task that was picked").contains("75.0 %");
      assertThat(browser.ask("return document.activeElement.id;")).isEqualTo("task");
    }
  }

  /** As a replay tells it. */
  private static void accuracy(PrometheusMeterRegistry registry, String task, double value) {
    Gauge.builder("headwater.replay.accuracy", () -> value)
        .tags("task", task, "head", "adaptive")
        .register(registry);
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
    assertThat(label(browser)).contains("Adaptive head").contains("Frozen head");
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
        .as("the newest hundred of the bundle's own and every candidate")
        .isEqualTo(Math.min(100, 1 + report.path("versions").size()));
    assertThat(browser.ask("return performance.getEntriesByType('resource').length;"))
        .as("it loads nothing")
        .isEqualTo(0L);
  }

  /**
   * Of the columns of the picture that belong to no swap, hardly any is inked from top to bottom;
   * of those of a swap each is, by the dashes, and its head is named above.
   */
  private static void marksEverySwap(Browser browser) {
    List<?> swaps = (List<?>) browser.ask(SWAPS);
    assertThat(swaps).isNotEmpty();
    assertThat(swaps)
        .allSatisfy(
            swap -> {
              Map<?, ?> mark = (Map<?, ?>) swap;
              assertThat(String.valueOf(mark.get("text"))).matches("head \\d+");
              assertThat(((Number) mark.get("ink")).doubleValue()).as("%s", mark).isGreaterThan(.3);
            });
    assertThat((Boolean) ((Map<?, ?>) swaps.get(0)).get("named")).as("named").isTrue();
    assertThat(((Number) browser.ask(BESIDE)).doubleValue()).as("beside the swaps").isLessThan(.15);
    assertThat(label(browser))
        .as("in words")
        .contains(((Map<?, ?>) swaps.get(swaps.size() - 1)).get("text") + " at ");
  }

  private static String label(Browser browser) {
    return (String)
        browser.ask(
            "return document.querySelector('#accuracy canvas').getAttribute('aria-label');");
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
    return JavaProcess.of(
            List.of("-Xmx1g"),
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
