package dev.headwater.deploy;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.summingDouble;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.headwater.adapt.drift.DriftMonitor;
import dev.headwater.cli.Main;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.replay.DriftingStream;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.schema.Json;
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
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Alerts and dashboards on a Prometheus that scrapes a replay, whose report knows the truth. */
class MonitoringIT {
  private static final Path RULES = Path.of("deploy/prometheus/headwater.rules.yml");
  private static final Path DASHBOARDS = Path.of("deploy/grafana/dashboards");
  private static final Pattern METRIC = Pattern.compile("\\bheadwater_\\w+");
  private static final Pattern ADDRESS = Pattern.compile("watch it at http://(\\S+)/");
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final int RECORDS = 2000;
  private static final int BAD_EVERY = 50;

  /** Of a number that is whole, and was divided by seconds. */
  private static final Offset<Double> COUNT = within(.01);

  /** Of the latest samples, of which trainer and report have not the same ones at the edges. */
  private static final Offset<Double> RECOUNTED = within(.05);

  /** Longer than the replay: a rate is then that of all of it. */
  private static final Duration WINDOW = Duration.ofMinutes(10);

  private final HttpClient http = HttpClient.newHttpClient();
  private final List<Process> started = new ArrayList<>();
  @TempDir Path directory;
  private int prometheus;

  /** Once all is counted, that of a scrape: a rate does not reach past it then, and is exact. */
  private String moment = "";

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

    List<JsonNode> alerts = yaml(RULES).findParents("alert");

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
  void prometheusWaitsForAllThatItScrapes() throws Exception {
    JsonNode waits = yaml(Path.of("deploy/compose.yaml")).at("/services/prometheus/depends_on");

    assertThat(
            yaml(Path.of("deploy/prometheus/prometheus.yml")).findValues("targets").stream()
                .flatMap(JsonNode::valueStream)
                .map(target -> target.asText().split(":")[0]))
        .containsExactlyInAnyOrderElementsOf(waits::fieldNames);
    assertThat(waits.findValuesAsText("condition")).containsOnly("service_healthy");
  }

  @Test
  void dashboardsTellWhatTheReplayReports() throws Exception {
    String scraper = Tools.find("prometheus");
    // a pipe: with everything counted, the replay is there to be scraped until its page is read
    Path page = directory.resolve("page.html");
    Tools.run("mkfifo", page.toString());
    try {
      Process replay = replay();
      watch(scraper, replay);
      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .untilAsserted(
              () -> {
                tells("overview/Scorers ready", 1, 1);
                tells("overview/Trainer ready", 1);
                tells("overview/Partitions", 2);
                tells("adaptation/Following", 1);
              });

      ReplayReport report = report(replay);
      double reported = System.currentTimeMillis() / 1000.0;
      await().atMost(PATIENCE).until(() -> value("min(timestamp(up))") > reported + 2);
      moment = "&time=%.3f".formatted(value("timestamp(up{job=\"headwater-scorer\"})"));

      agreesOnRecords(report);
      agreesOnTime(report);
      agreesOnMemory(replay);
      agreesOnSamples(report);
      agreesOnHeads(report);
      agreesOnLearning(report);
      assertThat(silent(panels())).as("panels that have told nothing").isEmpty();
      assertThat(unknown(RULES)).as("metrics that alerts go by and nobody exports").isEmpty();
      assertThat(get("/api/v1/rules").findValuesAsText("health")).containsOnly("ok");
      assertThat(Files.readString(page)).contains("</html>");
      assertThat(replay.waitFor()).isZero();
    } finally {
      for (Process process : started) {
        process.destroy();
        process.waitFor(30, TimeUnit.SECONDS);
        process.destroyForcibly();
      }
    }
  }

  private void agreesOnRecords(ReplayReport report) throws Exception {
    assertThat(report.records()).isEqualTo(RECORDS);
    tells("overview/Predicted", report.predictions());
    tells("overview/Dead letters", report.deadLetters());
    tells("overview/Padding", 0);
    adds("overview/Records by outcome", report.predictions(), report.deadLetters());
    about("sent to review", total("overview/Records by outcome", 2), labelled(report));
    assertThat(value(expression("overview/Dead-letter share", 0)))
        .isCloseTo((double) report.deadLetters() / RECORDS, within(.001));
    List<JsonNode> predictions = dumped("predictions.jsonl");
    series("overview/Confidence", "le")
        .forEach(
            (le, records) -> {
              double bound = Double.parseDouble(le.replace("+Inf", "Infinity"));
              about(
                  le,
                  records,
                  predictions.stream()
                      .filter(p -> p.path("confidence").asDouble() <= bound)
                      .count());
            });
  }

  /**
   * The scorer counts till it has forwarded a prediction, the report till somebody has read it: by
   * as much as the scorer's buckets tell, the former is never longer.
   */
  private void agreesOnTime(ReplayReport report) throws Exception {
    ReplayReport.Latency read = Objects.requireNonNull(report.latency());
    double[] quantiles = {read.p50(), read.p95(), read.p99()};
    for (int i = 0; i < quantiles.length; i++) {
      assertThat(value(expression("overview/Latency", i)))
          .as("latency, %d", i)
          .isPositive()
          .isLessThanOrEqualTo(bucket(quantiles[i]));
    }
    double longest = bucket(read.max());
    assertThat(series("overview/Time by stage, 95 %", "stage"))
        .containsOnlyKeys(
            Arrays.stream(ScorerMetrics.Stage.values())
                .map(stage -> stage.name().toLowerCase(Locale.ROOT))
                .toList())
        .allSatisfy(
            (stage, seconds) ->
                assertThat(seconds)
                    .as("no part of the way takes longer than the longest way")
                    .isPositive()
                    .isLessThanOrEqualTo(longest));

    String[] mean = expression("overview/Batch size, mean", 0).split(" / ");
    double records = value(mean[0]) * WINDOW.toSeconds();
    double batches = value(mean[1]) * WINDOW.toSeconds();
    assertThat(records).isCloseTo(report.predictions(), COUNT);
    assertThat(batches).isCloseTo(Math.rint(batches), COUNT).isBetween(1.0, records);
    assertThat(value(expression("overview/Batch size, mean", 0)))
        .isCloseTo(records / batches, COUNT);
    assertThat(history("overview/Behind").getMax()).isLessThanOrEqualTo(3.0 * RECORDS);
    assertThat(history("overview/Behind").getMin()).as("all of it was read").isZero();
    assertThat(history("overview/Lag by topic").getMin()).isZero();
    assertThat(history("overview/Read ahead").getMin()).as("nothing was left").isZero();
  }

  /** Upper bound of the latency bucket that the seconds are in. */
  private double bucket(double seconds) throws Exception {
    return query("headwater_record_latency_seconds_bucket")
        .valueStream()
        .map(bucket -> bucket.at("/metric/le").asText().replace("+Inf", "Infinity"))
        .mapToDouble(Double::parseDouble)
        .filter(bound -> bound >= seconds)
        .min()
        .orElseThrow();
  }

  /** Of the Java it starts, as the kernel counts it, and of a heap of half a gibibyte at most. */
  private void agreesOnMemory(Process replay) throws Exception {
    long pid = replay.children().findFirst().orElseThrow().pid();
    double resident =
        Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
            .filter(line -> line.startsWith("VmRSS:"))
            .mapToDouble(line -> 1024 * Double.parseDouble(line.replaceAll("\\D", "")))
            .findFirst()
            .orElseThrow();
    for (JsonNode told : query(expression("overview/Resident memory", 0))) {
      assertThat(told.at("/value/1").asDouble()).isCloseTo(resident, within(.2 * resident));
    }
    for (double heap : series("overview/Java heap", "instance").values()) {
      assertThat(heap / 2).as("of each of two targets").isBetween(1e6, 512.0 * (1 << 20));
    }
  }

  private void agreesOnSamples(ReplayReport report) throws Exception {
    int labelled = labelled(report);
    assertThat(report.labelsUsedFraction()).isEqualTo((double) labelled / RECORDS);
    adds("overview/Labels", labelled, labelled, 0, 0);
    long drawn =
        dumped("samples.jsonl").stream()
            .filter(sample -> sample.path("reason").asText().equals("UNLABELLED"))
            .count();
    Map<String, Double> kept = series("overview/Kept to learn from", "reason");
    about("unsure", kept.get("unsure") * WINDOW.toSeconds(), report.samples().unsure());
    about("audit", kept.get("audit") * WINDOW.toSeconds(), report.samples().audit());
    assertThat(kept.get("unlabelled") * WINDOW.toSeconds()).isCloseTo(drawn, COUNT);
    assertThat(value(expression("overview/Label delay", 0)))
        .as("labels come as soon as they are asked for")
        .isBetween(0.0, 1.0);
    assertThat(value(expression("overview/Label delay", 1))).isBetween(0.0, 10.0);
    about("learnt from", value(expression("adaptation/Samples", 0)), labelled);
    about("in memory", value(expression("adaptation/Memory", 0)), labelled);
  }

  private void agreesOnHeads(ReplayReport report) throws Exception {
    Map<String, Double> verdicts =
        report.versions().stream()
            .collect(groupingBy(ReplayReport.Version::verdict, summingDouble(version -> 1)));
    List<Long> accepted =
        report.versions().stream()
            .filter(version -> version.verdict().equals("accepted"))
            .map(ReplayReport.Version::version)
            .toList();
    TreeSet<Long> served =
        dumped("predictions.jsonl").stream()
            .map(prediction -> prediction.path("headVersion").asLong())
            .collect(Collectors.toCollection(TreeSet::new));
    assertThat(series("adaptation/Verdicts of the gate", "verdict")).isEqualTo(verdicts);
    tells("adaptation/Accepted", accepted.size());
    tells("adaptation/Canary", 0);
    assertThat(series("adaptation/Refusals", "reason").values()).containsOnly(0.0);
    assertThat(value(expression("overview/Live head", 0)))
        .as("the last one accepted may have come too late to predict")
        .isIn((double) served.last(), (double) accepted.get(accepted.size() - 1));
    assertThat(value(expression("adaptation/Swaps", 0)))
        .as("those accepted, the bundle's twice, as loaded and as published, and each taken back")
        .isBetween(
            (double) served.size(),
            2 + accepted.size() + value(expression("adaptation/Withdrawn", 0)));
    assertThat(sum(series("adaptation/Drift alarms", "cause")))
        .as("alarms, of which each has a candidate trained, unless the last comes too late")
        .isPositive()
        .isGreaterThanOrEqualTo(
            report.versions().stream().filter(v -> v.trigger().startsWith("drift")).count());

    series("adaptation/Head version", "job")
        .forEach(
            (job, version) ->
                assertThat(version)
                    .as(job)
                    .isIn(accepted.stream().map(Long::doubleValue).toList()));
    assertThat(history("adaptation/annotations").getCount())
        .as("a mark a swap, the first of which is there before the first scrape")
        .isBetween(1L, 2L * accepted.size());
  }

  /** What can be counted again from the samples, and what can be no more than it was. */
  private void agreesOnLearning(ReplayReport report) throws Exception {
    List<JsonNode> samples =
        dumped("samples.jsonl").stream().filter(sample -> sample.hasNonNull("label")).toList();
    List<JsonNode> latest = samples.subList(Math.max(0, samples.size() - 500), samples.size());
    double all = 0;
    double right = 0;
    double[] off = new double[10];
    for (JsonNode sample : latest) {
      double weight = sample.path("weight").asDouble();
      double confidence = sample.path("confidence").asDouble();
      int hit = sample.path("predicted").equals(sample.path("label")) ? 1 : 0;
      all += weight;
      right += weight * hit;
      off[(int) Math.min(9, 10 * confidence)] += weight * (hit - confidence);
    }
    List<Double> segments = report.accuracy().adaptive().segments();
    assertThat(series("adaptation/Accuracy", "head").get("live"))
        .isCloseTo(right / all, RECOUNTED)
        .as("of as many samples as come from three tenths of the stream")
        .isCloseTo((segments.get(7) + segments.get(8) + segments.get(9)) / 3, within(.1));
    assertThat(series("adaptation/Calibration error", "head").get("live"))
        .isCloseTo(Arrays.stream(off).map(Math::abs).sum() / all, RECOUNTED);

    double elapsed = report.records() / report.throughput().recordsPerSecond() + 60;
    String[] training = expression("adaptation/Duration", 0).split(" / ");
    assertThat(value(training[1]))
        .as("every candidate that was judged had been trained")
        .isGreaterThanOrEqualTo(report.versions().size());
    assertThat(value(training[0])).as("by one thread").isBetween(1e-6, elapsed);
    String[] swap = expression("adaptation/Swap duration", 0).split(" / ");
    assertThat(value(swap[1])).isEqualTo(value(expression("adaptation/Swaps", 0)));
    assertThat(value(swap[0])).isBetween(1e-6, elapsed);
    assertThat(value(expression("adaptation/Progress", 0)))
        .isBetween(1.0, value(expression("adaptation/Progress", 1)));
    assertThat(value(expression("adaptation/Loss", 0)))
        .as("of three labels, better than by guessing")
        .isBetween(0.0, Math.log(3));
    assertThat(series("adaptation/Drift score", "cause"))
        .containsOnlyKeys(DriftMonitor.CAUSES)
        .allSatisfy((cause, score) -> assertThat(score).as(cause).isBetween(0.0, 1.0));
    assertThat(history("adaptation/Drift score").getMax())
        .as("the stream drifts, however near an alarm the detectors come")
        .isPositive();
    assertThat(history("adaptation/Samples behind").getMin()).isZero();
    assertThat(history("adaptation/Heads in native memory").getMax())
        .as("the live one, the frozen one, the next one while it is checked")
        .isBetween(2.0, 4.0);
  }

  private static int labelled(ReplayReport report) {
    return report.samples().unsure() + report.samples().audit();
  }

  /** The panel's expressions, each of one series, in their order. */
  private void tells(String panel, double... told) throws Exception {
    for (int i = 0; i < told.length; i++) {
      assertThat(value(expression(panel, i))).as("%s, %d", panel, i).isEqualTo(told[i]);
    }
  }

  /** Likewise, of rates: what they add up to. */
  private void adds(String panel, double... told) throws Exception {
    for (int i = 0; i < told.length; i++) {
      assertThat(total(panel, i)).as("%s, %d", panel, i).isCloseTo(told[i], COUNT);
    }
  }

  private double total(String panel, int index) throws Exception {
    return value(expression(panel, index)) * WINDOW.toSeconds();
  }

  /** The last records to ask for a label, and the last samples, come too late to get through. */
  private static void about(String what, double value, double told) {
    assertThat(value).as(what).isCloseTo(told, within(5 + .03 * told));
  }

  /** What the panel's first expression tells, by one of its labels. */
  private Map<String, Double> series(String panel, String label) throws Exception {
    Map<String, Double> series = new TreeMap<>();
    for (JsonNode one : query(expression(panel, 0))) {
      series.merge(
          one.path("metric").path(label).asText(),
          Double.parseDouble(one.at("/value/1").asText()),
          Double::sum);
    }
    assertThat(series).as(panel).isNotEmpty();
    return series;
  }

  private static double sum(Map<String, Double> series) {
    return series.values().stream().mapToDouble(value -> value).sum();
  }

  private static String expression(String panel, int index) throws IOException {
    return panels().get("Headwater: " + panel).get(index);
  }

  /** Every number that the panel's first expression has given while the replay ran. */
  private DoubleSummaryStatistics history(String panel) throws Exception {
    DoubleSummaryStatistics numbers = new DoubleSummaryStatistics();
    for (JsonNode one : overTime(expression(panel, 0))) {
      one.path("values")
          .valueStream()
          .mapToDouble(point -> Double.parseDouble(point.path(1).asText()))
          .filter(Double::isFinite) // there is no lag of a broker that is gone
          .forEach(numbers);
    }
    assertThat(numbers.getCount()).as(panel).isPositive();
    return numbers;
  }

  private JsonNode overTime(String expression) throws Exception {
    long now = Instant.now().getEpochSecond();
    return get("/api/v1/query_range?start=%d&end=%d&step=2&query=%s"
            .formatted(now - WINDOW.toSeconds(), now, encode(expression)))
        .at("/data/result");
  }

  /** Panels with an expression that has given no number. */
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
    for (JsonNode one : overTime(expression)) {
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
        .replace("$__rate_interval", WINDOW.toSeconds() + "s")
        .replace("$__interval", "15s");
  }

  private TreeSet<String> unknown(Path rules) throws Exception {
    TreeSet<String> unknown = new TreeSet<>();
    for (String expression : yaml(rules).findValuesAsText("expr")) {
      for (MatchResult metric : METRIC.matcher(expression).results().toList()) {
        if (query(metric.group()).isEmpty()) {
          unknown.add(metric.group());
        }
      }
    }
    return unknown;
  }

  /** Of a stream that drifts half-way. */
  private Process replay() throws Exception {
    DriftingStream.bundle(directory.resolve("bundle"));
    Path stream = DriftingStream.write(directory.resolve("stream.jsonl"), RECORDS, BAD_EVERY);
    Path config =
        Files.writeString(
            directory.resolve("config.yaml"),
            """
            name: seen
            bundle: {directory: %1$s/bundle}
            kafka: {bootstrap.servers: "none:9092"}
            topics: {partitions: 2, join-partitions: 2}
            stream: {unlabelled-share: 0.5}
            selection: {audit-share: 0.9, budget: 1}
            adapt: {device: cpu}
            drift: {reference: 60, short-window: 5, long-window: 20}
            replay:
              {stream: %2$s, rate: 100, report: %1$s/report.json, html: %1$s/page.html, dump: %1$s}
            """
                .formatted(directory, stream));
    return start(
        "replay",
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-Xmx512m",
        "-cp",
        System.getProperty("java.class.path"),
        Main.class.getName(),
        "replay",
        "--config",
        config.toString());
  }

  /** Once for each of the parts that the replay's page has on it. */
  private void watch(String scraper, Process replay) throws Exception {
    String address =
        await()
            .atMost(PATIENCE)
            .failFast("the replay has ended", () -> !replay.isAlive())
            .until(
                () -> ADDRESS.matcher(Files.readString(log("replay"))).results().findFirst(),
                Optional::isPresent)
            .orElseThrow()
            .group(1);
    Path config =
        Files.writeString(
            directory.resolve("prometheus.yml"),
            """
            global: {scrape_interval: 1s, evaluation_interval: 1s}
            rule_files: [%1$s]
            scrape_configs:
              - {job_name: headwater-scorer, static_configs: [{targets: ["%2$s"]}]}
              - {job_name: headwater-trainer, static_configs: [{targets: ["%2$s"]}]}
            """
                .formatted(RULES.toAbsolutePath(), address));
    prometheus = freePort();
    start(
        "prometheus",
        scraper,
        "--config.file=" + config,
        "--storage.tsdb.path=" + directory.resolve("tsdb"),
        "--web.listen-address=127.0.0.1:" + prometheus);
  }

  /** Once it is written to its end. */
  private ReplayReport report(Process replay) {
    return await()
        .atMost(PATIENCE)
        .ignoreExceptions()
        .failFast("the replay has ended", () -> !replay.isAlive())
        .until(
            () ->
                Json.MAPPER.readValue(
                    directory.resolve("report.json").toFile(), ReplayReport.class),
            Objects::nonNull);
  }

  private List<JsonNode> dumped(String file) throws IOException {
    return Json.MAPPER
        .readerFor(JsonNode.class)
        .<JsonNode>readValues(directory.resolve(file).toFile())
        .readAll();
  }

  private Process start(String name, String... command) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(log(name).toFile())
            .start();
    started.add(process);
    return process;
  }

  private static Path log(String name) {
    return Path.of("target", "MonitoringIT-" + name + ".log");
  }

  private double value(String expression) throws Exception {
    JsonNode result = query(expression);
    assertThat(result).as(expression).hasSize(1);
    return Double.parseDouble(result.at("/0/value/1").asText());
  }

  private JsonNode query(String expression) throws Exception {
    return get("/api/v1/query?query=" + encode(expression) + moment).at("/data/result");
  }

  private JsonNode get(String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + prometheus + path);
    HttpResponse<String> answer =
        http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).as("%s%n%s", path, answer.body()).isEqualTo(200);
    return Json.MAPPER.readTree(answer.body());
  }

  private static JsonNode yaml(Path file) throws IOException {
    return new YAMLMapper().readTree(file.toFile());
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
