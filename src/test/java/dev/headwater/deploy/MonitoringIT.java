package dev.headwater.deploy;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.summingDouble;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.headwater.adapt.drift.DriftMonitor;
import dev.headwater.bundle.Masks;
import dev.headwater.cli.Main;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.replay.DriftingStream;
import dev.headwater.replay.JavaProcess;
import dev.headwater.replay.Spots;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Alerts and dashboards on a Prometheus that scrapes a replay, whose report knows the truth. */
class MonitoringIT {
  private static final Path RULES = Path.of("deploy/prometheus/headwater.rules.yml");
  private static final Path DASHBOARDS = Path.of("deploy/grafana/dashboards");
  private static final Pattern METRIC = Pattern.compile("\\bheadwater_\\w+");
  private static final Pattern ADDRESS = Pattern.compile("status page: http://(\\S+)/");
  private static final Pattern RATE_OF = Pattern.compile("(?:rate|increase)\\((.*?)\\[\\w+]\\)");
  private static final Duration PATIENCE = Duration.ofMinutes(2);
  private static final String OVERLAP = "adaptation/Intersection over union";
  private static final int RECORDS = 2000;
  private static final int BAD_EVERY = 50;
  private static final int RATE = 100;

  /** Of the latest samples, of which trainer and report have not the same ones at the edges. */
  private static final Offset<Double> RECOUNTED = within(.05);

  /** Longer than the replay. */
  private static final Duration WINDOW = Duration.ofMinutes(10);

  private final List<Process> started = new ArrayList<>();
  @TempDir Path directory;
  private Prometheus prometheus;

  @AfterEach
  void stop() throws InterruptedException {
    for (Process process : started) {
      // a replay runs in a child, which waits for a reader of its page where the test has failed
      List<ProcessHandle> children = process.descendants().toList();
      process.destroy();
      process.waitFor(30, TimeUnit.SECONDS);
      process.destroyForcibly();
      children.forEach(ProcessHandle::destroyForcibly);
    }
  }

  @Test
  void rulesPassTheirTests() throws Exception {
    Tools.run("promtool", "check", "config", "deploy/prometheus/prometheus.yml");
    Tools.run("promtool", "test", "rules", "deploy/prometheus/headwater.rules.test.yml");
  }

  @Test
  void everyAlertHasItsPartOfTheRunbook() throws Exception {
    List<String> headings =
        Files.readAllLines(Path.of("docs/how-to/operations.md")).stream()
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
    DriftingStream.bundle(directory.resolve("bundle"));
    Process replay =
        watchedReplay(
            DriftingStream.write(directory.resolve("stream.jsonl"), RECORDS, BAD_EVERY),
            """
            topics: {partitions: 2, join-partitions: 2}
            stream: {unlabelled-share: 0.5}
            selection: {audit-share: 0.9, budget: 1}
            drift: {reference: 60, short-window: 5, long-window: 20}
            """,
            "rate: " + RATE);
    await()
        .atMost(PATIENCE)
        .ignoreExceptionsInstanceOf(IOException.class) // Prometheus is starting
        .failFast("the replay has ended", () -> !replay.isAlive())
        .untilAsserted(
            () -> {
              tells("overview/Scorers ready", 1, 1);
              tells("overview/Trainer ready", 1);
              tells("overview/Partitions", 2);
              tells("adaptation/Heads topic followed", 1);
            });

    ReplayReport report = counted(replay);

    agreesOnRecords(report);
    agreesOnTime(report);
    agreesOnMemory(replay);
    agreesOnSamples(report);
    agreesOnHeads(report);
    agreesOnLearning(report);
    assertThat(silent(panels()))
        .as("panels that have told nothing, but for that of masks")
        .containsExactly("Headwater: " + OVERLAP + ": " + expression(OVERLAP, 0));
    assertThat(unknown(RULES)).as("metrics that alerts go by and nobody exports").isEmpty();
    assertThat(prometheus.get("/api/v1/rules").findValuesAsText("health")).containsOnly("ok");
    leave(replay);
  }

  @Test
  void dashboardTellsOfMasksWhatTheReplayReports() throws Exception {
    Masks masks = Spots.bundle(directory.resolve("bundle")).task().masks().orElseThrow();
    Process replay =
        watchedReplay(
            Spots.write(directory.resolve("stream.jsonl"), masks, 200),
            "selection: {audit-share: 0.9, budget: 1}",
            "rate: 5, truth-fields: [mask]");

    ReplayReport report = counted(replay);

    ReplayReport.Comparison reported = Objects.requireNonNull(report.iou());
    List<Double> segments = reported.adaptive().segments();
    double tenthLater = reported.adaptive().overall() + (segments.get(9) - segments.get(0)) / 10;
    Map<String, Double> told = series(OVERLAP, "head");
    assertThat(told.get("live"))
        .as("of all pictures; those that came during a training by the head it made")
        .isBetween(reported.adaptive().overall() - .05, tenthLater + .05);
    assertThat(reported.frozen().overall()).as("nothing was trained").isLessThan(told.get("live"));
    assertThat(told.get("previous"))
        .as("of the same pictures from the first swap on, by the head before")
        .isBetween(reported.frozen().overall() - .05, segments.get(9));
    leave(replay);
  }

  private void agreesOnRecords(ReplayReport report) throws Exception {
    assertThat(report.records()).isEqualTo(RECORDS);
    tells("overview/Predicted", report.predictions());
    tells("overview/Dead letters", report.deadLetters());
    tells("overview/Padding", 0);
    tells("overview/Records by outcome", report.predictions(), report.deadLetters());
    about(
        "sent to review",
        prometheus.value(expression("overview/Records by outcome", 2)),
        labelled(report));
    assertThat(prometheus.value(expression("overview/Dead-letter share", 0)))
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
      assertThat(prometheus.value(expression("overview/Latency", i)))
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
    double records = prometheus.value(mean[0]);
    double batches = prometheus.value(mean[1]);
    assertThat(records).isEqualTo(report.predictions());
    assertThat(batches).isBetween(1.0, records);
    assertThat(prometheus.value(expression("overview/Batch size, mean", 0)))
        .isEqualTo(records / batches);
    assertThat(history("overview/Lag").getMax()).isLessThanOrEqualTo(3.0 * RECORDS);
    assertThat(history("overview/Lag").getMin())
        .as("it kept up: a look may always find some that no commit has reached yet")
        .isLessThan(RATE);
    assertThat(history("overview/Lag by topic").getMin()).isLessThan(RATE);
    assertThat(history("overview/Read-ahead").getMin()).as("nothing was left").isZero();
  }

  /** Upper bound of the latency bucket that the seconds are in. */
  private double bucket(double seconds) throws Exception {
    return prometheus
        .query("headwater_record_latency_seconds_bucket")
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
    for (JsonNode told : prometheus.query(expression("overview/Resident memory", 0))) {
      assertThat(told.at("/value/1").asDouble()).isCloseTo(resident, within(.2 * resident));
    }
    for (double heap : series("overview/Java heap", "instance").values()) {
      assertThat(heap / 2).as("of each of two targets").isBetween(1e6, 512.0 * (1 << 20));
    }
  }

  private void agreesOnSamples(ReplayReport report) throws Exception {
    int labelled = labelled(report);
    assertThat(report.labelsUsedFraction()).isEqualTo((double) labelled / RECORDS);
    tells("overview/Labels", labelled, labelled, 0, 0);
    long drawn =
        dumped("samples.jsonl").stream()
            .filter(sample -> sample.path("reason").asText().equals("UNLABELLED"))
            .count();
    Map<String, Double> kept = series("overview/Samples", "reason");
    about("unsure", kept.get("unsure"), report.samples().unsure());
    about("audit", kept.get("audit"), report.samples().audit());
    assertThat(kept.get("unlabelled")).isEqualTo(drawn);
    assertThat(prometheus.value(expression("overview/Label delay", 0)))
        .as("labels come as soon as they are asked for")
        .isBetween(0.0, 1.0);
    assertThat(prometheus.value(expression("overview/Label delay", 1))).isBetween(0.0, 10.0);
    about("learnt from", prometheus.value(expression("adaptation/Samples", 0)), labelled);
    about("in memory", prometheus.value(expression("adaptation/Memory", 0)), labelled);
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
    assertThat(series("adaptation/Gate verdicts", "verdict")).isEqualTo(verdicts);
    tells("adaptation/Accepted", accepted.size());
    tells("adaptation/Canary", 0);
    assertThat(series("adaptation/Rejected heads", "reason").values()).containsOnly(0.0);
    assertThat(prometheus.value(expression("overview/Live head", 0)))
        .as("the last one accepted may have come too late to predict")
        .isIn((double) served.last(), (double) accepted.get(accepted.size() - 1));
    assertThat(prometheus.value(expression("adaptation/Swaps", 0)))
        .as("those accepted, the bundle's twice, as loaded and as published, and each taken back")
        .isBetween(
            (double) served.size(),
            2 + accepted.size() + prometheus.value(expression("adaptation/Withdrawn", 0)));
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
    assertThat(prometheus.value(training[1]))
        .as("every candidate that was judged had been trained")
        .isGreaterThanOrEqualTo(report.versions().size());
    assertThat(prometheus.value(training[0])).as("by one thread").isBetween(1e-6, elapsed);
    String[] swap = expression("adaptation/Swap duration", 0).split(" / ");
    assertThat(prometheus.value(swap[1]))
        .isEqualTo(prometheus.value(expression("adaptation/Swaps", 0)));
    assertThat(prometheus.value(swap[0])).isBetween(1e-6, elapsed);
    assertThat(prometheus.value(expression("adaptation/Progress", 0)))
        .isBetween(1.0, prometheus.value(expression("adaptation/Progress", 1)));
    assertThat(prometheus.value(expression("adaptation/Loss", 0)))
        .as("of three labels, better than by guessing")
        .isBetween(0.0, Math.log(3));
    assertThat(series("adaptation/Drift score", "cause"))
        .containsOnlyKeys(DriftMonitor.CAUSES)
        .allSatisfy((cause, score) -> assertThat(score).as(cause).isBetween(0.0, 1.0));
    assertThat(history("adaptation/Drift score").getMax())
        .as("the stream drifts, however near an alarm the detectors come")
        .isPositive();
    assertThat(history("adaptation/Samples lag").getMin()).isZero();
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
      assertThat(prometheus.value(expression(panel, i))).as("%s, %d", panel, i).isEqualTo(told[i]);
    }
  }

  /** The last records to ask for a label, and the last samples, come too late to get through. */
  private static void about(String what, double value, double told) {
    assertThat(value).as(what).isCloseTo(told, within(5 + .03 * told));
  }

  /** What the panel's first expression tells, by one of its labels. */
  private Map<String, Double> series(String panel, String label) throws Exception {
    Map<String, Double> series = new TreeMap<>();
    for (JsonNode one : prometheus.query(expression(panel, 0))) {
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

  /**
   * With counters in place of their rates: both are of all of the replay, but a rate is not of what
   * was counted before the first scrape.
   */
  private static String expression(String panel, int index) throws IOException {
    List<String> shown = Objects.requireNonNull(panels().get("Headwater: " + panel), panel);
    return RATE_OF.matcher(shown.get(index)).replaceAll("$1");
  }

  /** Every number that the panel's first expression has given while the replay ran. */
  private DoubleSummaryStatistics history(String panel) throws Exception {
    DoubleSummaryStatistics numbers = new DoubleSummaryStatistics();
    for (JsonNode one : prometheus.overTime(expression(panel, 0), WINDOW)) {
      one.path("values")
          .valueStream()
          .mapToDouble(point -> Double.parseDouble(point.path(1).asText()))
          .filter(Double::isFinite) // there is no lag of a broker that is gone
          .forEach(numbers);
    }
    assertThat(numbers.getCount()).as(panel).isPositive();
    return numbers;
  }

  /** Panels with an expression that has given no number. */
  private List<String> silent(Map<String, List<String>> panels) throws Exception {
    List<String> silent = new ArrayList<>();
    for (Map.Entry<String, List<String>> panel : panels.entrySet()) {
      for (String expression : panel.getValue()) {
        if (!prometheus.hasTold(expression, WINDOW)) {
          silent.add(panel.getKey() + ": " + expression);
        }
      }
    }
    return silent;
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
        if (prometheus.query(metric.group()).isEmpty()) {
          unknown.add(metric.group());
        }
      }
    }
    return unknown;
  }

  /** Of the bundle beside the stream. */
  private Process watchedReplay(Path stream, String settings, String more) throws Exception {
    String scraper = Tools.find("prometheus");
    // a pipe: with everything counted, the replay is there to be scraped until its page is read
    Tools.run("mkfifo", directory.resolve("page.html").toString());
    Path config =
        Files.writeString(
            directory.resolve("config.yaml"),
            """
            name: seen
            bundle: {directory: %1$s/bundle}
            kafka: {bootstrap.servers: "none:9092"}
            adapt: {device: cpu}
            replay:
              {stream: %2$s, report: %1$s/report.json, html: %1$s/page.html, dump: %1$s, %3$s}
            %4$s
            """
                .formatted(directory, stream, more, settings));
    Process replay =
        start(
            "replay",
            JavaProcess.with(
                List.of("-Xmx512m"),
                Main.class.getName(),
                "replay",
                "--config",
                config.toString()));
    watch(scraper, replay);
    return replay;
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
    prometheus = new Prometheus();
    start(
        "prometheus",
        new ProcessBuilder(
            scraper,
            "--config.file=" + config,
            "--storage.tsdb.path=" + directory.resolve("tsdb"),
            "--web.listen-address=" + prometheus.address()));
  }

  /** Once all is scraped that the replay has counted. */
  private ReplayReport counted(Process replay) throws Exception {
    ReplayReport report = report(replay);
    double reported = System.currentTimeMillis() / 1000.0;
    await().atMost(PATIENCE).until(() -> prometheus.value("min(timestamp(up))") > reported + 2);
    prometheus.stayAt(prometheus.value("timestamp(up{job=\"headwater-scorer\"})"));
    return report;
  }

  private void leave(Process replay) throws Exception {
    assertThat(Files.readString(directory.resolve("page.html"))).contains("</html>");
    assertThat(replay.waitFor()).isZero();
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

  private Process start(String name, ProcessBuilder builder) throws IOException {
    Process process = builder.redirectErrorStream(true).redirectOutput(log(name).toFile()).start();
    started.add(process);
    return process;
  }

  private static Path log(String name) {
    return Path.of("target", "MonitoringIT-" + name + ".log");
  }

  private static JsonNode yaml(Path file) throws IOException {
    return new YAMLMapper().readTree(file.toFile());
  }
}
