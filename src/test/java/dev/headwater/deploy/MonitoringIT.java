package dev.headwater.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.headwater.cli.Main;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.Signatures;
import dev.headwater.replay.DriftingStream;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Json;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Alerts and dashboards on a Prometheus that scrapes a scorer and a trainer at work. */
class MonitoringIT {
  private static final Path RULES = Path.of("deploy/prometheus/headwater.rules.yml");
  private static final Path DASHBOARDS = Path.of("deploy/grafana/dashboards");
  private static final Pattern METRIC = Pattern.compile("\\bheadwater_\\w+");
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String TASK = "cluster";
  private static final int RECORDS = 2000;
  private static final int BAD_EVERY = 50;

  private final HttpClient http = HttpClient.newHttpClient();
  private final List<Process> started = new ArrayList<>();
  @TempDir Path directory;
  private int prometheus;

  @Test
  void rulesPassTheirTests() throws Exception {
    Tools.run("promtool", "check", "config", "deploy/prometheus/prometheus.yml");
    Tools.run("promtool", "test", "rules", "deploy/prometheus/headwater.rules.test.yml");
  }

  @Test
  void everyAlertHasItsPartOfTheRunbook() throws Exception {
    List<String> headings =
        Files.readAllLines(Path.of("docs/runbook.md")).stream()
            .filter(line -> line.startsWith("## "))
            .map(line -> line.substring(3))
            .toList();

    List<JsonNode> alerts = new YAMLMapper().readTree(RULES.toFile()).findParents("alert");

    assertThat(alerts)
        .extracting(rule -> rule.path("alert").asText())
        .containsExactlyInAnyOrderElementsOf(headings);
    assertThat(alerts)
        .allSatisfy(
            rule ->
                assertThat(rule.at("/annotations/runbook").asText())
                    .endsWith("#" + rule.path("alert").asText().toLowerCase(Locale.ROOT)));
  }

  @Test
  void dashboardsTellWhatHappened() throws Exception {
    String scraper = Tools.find("prometheus");
    try (EmbeddedBroker broker = EmbeddedBroker.start(directory.resolve("broker"))) {
      configure(broker);
      assertThat(headwater("topics", "create").waitFor()).isZero();
      headwater("serve");
      headwater("train");
      start(
          "prometheus",
          scraper,
          "--config.file=" + directory.resolve("prometheus.yml"),
          "--storage.tsdb.path=" + directory.resolve("tsdb"),
          "--web.listen-address=127.0.0.1:" + prometheus);
      await().atMost(PATIENCE).ignoreExceptions().until(() -> value("sum(headwater_health)") == 4);

      Path stream = DriftingStream.write(directory.resolve("stream.jsonl"), RECORDS, BAD_EVERY);
      try (Traffic traffic = new Traffic(broker.bootstrapServers(), "seen", stream)) {
        await().atMost(PATIENCE).pollInterval(Duration.ofMillis(200)).until(() -> sendAll(traffic));
        int valid = RECORDS - RECORDS / BAD_EVERY;
        await().atMost(PATIENCE).until(() -> traffic.predictions() == valid);
        await().atMost(PATIENCE).until(() -> silent(panels()).isEmpty());

        agrees("overview/Predicted", () -> valid);
        agrees("overview/Dead letters", () -> RECORDS / BAD_EVERY);
        agrees("overview/Behind", () -> 0);
        agrees("overview/Live head", () -> heads(broker).live(TASK).orElseThrow().version());
        agrees("adaptation/Accepted", () -> accepted(heads(broker)));
        assertThat(traffic.newest()).as("heads that were learned and served").isPositive();
        assertThat(value("headwater_prequential_accuracy_ratio{head=\"live\"}"))
            .as("what the trainer says of the live head and what the records say")
            .isCloseTo(traffic.accuracy(), within(.1));
      }
      assertThat(unknown(RULES)).as("metrics that alerts go by and nobody exports").isEmpty();
      assertThat(get("/api/v1/rules").findValuesAsText("health")).containsOnly("ok");
    } finally {
      for (Process process : started) {
        process.destroy();
        process.waitFor(30, TimeUnit.SECONDS);
        process.destroyForcibly();
      }
    }
  }

  /** Twenty at a time, so that rates have something to tell. */
  private static boolean sendAll(Traffic traffic) throws IOException {
    traffic.send(20, true);
    traffic.predictions();
    return traffic.sent() == RECORDS;
  }

  /** A panel's first number is what the topics hold. */
  private void agrees(String panel, Callable<Number> held) {
    await(panel)
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(value(panels().get("Headwater: " + panel).get(0)))
                    .isEqualTo(held.call().doubleValue()));
  }

  /** As the report of a replay reads them. */
  private static HeadLog heads(EmbeddedBroker broker) {
    return HeadLog.read(
        Map.of("bootstrap.servers", broker.bootstrapServers()),
        Topics.of(TopicNames.prefixed("seen")).heads(),
        Signatures.NONE);
  }

  private static long accepted(HeadLog heads) {
    return heads.versions(TASK).stream()
        .filter(head -> head.version() > 0 && head.verdict().accepted())
        .count();
  }

  /** Panels with an expression that has given no number yet. */
  private List<String> silent(Map<String, List<String>> panels) throws Exception {
    List<String> silent = new ArrayList<>();
    for (Map.Entry<String, List<String>> panel : panels.entrySet()) {
      for (String expression : panel.getValue()) {
        if (!tellsANumber(expression)) {
          silent.add(panel.getKey() + ": " + expression);
        }
      }
    }
    return silent;
  }

  private boolean tellsANumber(String expression) throws Exception {
    long now = Instant.now().getEpochSecond();
    JsonNode series =
        get("/api/v1/query_range?start=%d&end=%d&step=2&query=%s"
                .formatted(now - 180, now, encode(expression)))
            .at("/data/result");
    for (JsonNode one : series) {
      for (JsonNode point : one.path("values")) {
        if (!point.path(1).asText().equals("NaN")) {
          return true;
        }
      }
    }
    return false;
  }

  /** Expressions of the dashboards by dashboard and panel, Grafana's variables filled in. */
  private static Map<String, List<String>> panels() throws IOException {
    Map<String, List<String>> panels = new TreeMap<>();
    for (String name : List.of("overview.json", "adaptation.json")) {
      JsonNode dashboard = Json.MAPPER.readTree(DASHBOARDS.resolve(name).toFile());
      for (JsonNode panel : dashboard.path("panels")) {
        if (!panel.path("type").asText().equals("row")) {
          panels.put(
              dashboard.path("title").asText() + "/" + panel.path("title").asText(),
              expressions(panel.path("targets")));
        }
      }
      panels.put(
          dashboard.path("title").asText() + "/annotations",
          expressions(dashboard.path("annotations")));
    }
    return panels;
  }

  private static List<String> expressions(JsonNode part) {
    return part.findValuesAsText("expr").stream().map(MonitoringIT::filledIn).toList();
  }

  private static String filledIn(String expression) {
    return expression
        .replace("$scorer", "headwater-scorer")
        .replace("$trainer", "headwater-trainer")
        .replace("$__rate_interval", "1m")
        .replace("$__interval", "15s");
  }

  private TreeSet<String> unknown(Path rules) throws Exception {
    TreeSet<String> unknown = new TreeSet<>();
    for (String expression : new YAMLMapper().readTree(rules.toFile()).findValuesAsText("expr")) {
      for (MatchResult metric : METRIC.matcher(expression).results().toList()) {
        if (get("/api/v1/query?query=" + metric.group()).at("/data/result").isEmpty()) {
          unknown.add(metric.group());
        }
      }
    }
    return unknown;
  }

  private void configure(EmbeddedBroker broker) throws Exception {
    DriftingStream.bundle(directory.resolve("bundle"));
    int scorer = freePort();
    int trainer = freePort();
    prometheus = freePort();
    Files.writeString(
        directory.resolve("config.yaml"),
        """
        name: seen
        state-dir: %s
        bundle: {directory: %s}
        kafka: {bootstrap.servers: "%s"}
        topics: {partitions: 2, join-partitions: 2}
        stream: {unlabelled-share: 0.5}
        selection: {audit-share: 0.9, budget: 1}
        adapt: {device: cpu}
        drift: {reference: 60, short-window: 5, long-window: 20}
        http: {port: %d, trainer-port: %d}
        """
            .formatted(
                directory.resolve("state"),
                directory.resolve("bundle"),
                broker.bootstrapServers(),
                scorer,
                trainer));
    Files.writeString(
        directory.resolve("prometheus.yml"),
        """
        global: {scrape_interval: 1s, evaluation_interval: 1s}
        rule_files: [%s]
        scrape_configs:
          - {job_name: headwater-scorer, static_configs: [{targets: ["127.0.0.1:%d"]}]}
          - {job_name: headwater-trainer, static_configs: [{targets: ["127.0.0.1:%d"]}]}
        """
            .formatted(RULES.toAbsolutePath(), scorer, trainer));
  }

  private Process headwater(String... words) throws IOException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(List.of(words));
    command.addAll(List.of("--config", directory.resolve("config.yaml").toString()));
    return start(words[0], command.toArray(String[]::new));
  }

  private Process start(String name, String... command) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(new File("target", "MonitoringIT-" + name + ".log"))
            .start();
    started.add(process);
    return process;
  }

  private double value(String expression) throws Exception {
    JsonNode result = get("/api/v1/query?query=" + encode(expression)).at("/data/result");
    assertThat(result).as(expression).hasSize(1);
    return Double.parseDouble(result.at("/0/value/1").asText());
  }

  private JsonNode get(String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + prometheus + path);
    HttpResponse<String> answer =
        http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).as("%s%n%s", path, answer.body()).isEqualTo(200);
    return Json.MAPPER.readTree(answer.body());
  }

  private static String encode(String expression) {
    return URLEncoder.encode(expression, StandardCharsets.UTF_8);
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }
}
