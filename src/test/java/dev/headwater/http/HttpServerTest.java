package dev.headwater.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.metrics.Health;
import dev.headwater.schema.Json;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpServerTest {
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final AtomicReference<Health> ready =
      new AtomicReference<>(Health.down("catching up on heads"));
  private final Status status =
      new Status(
          registry,
          new Status.About("desk", "scorer", Map.of("intent", 0.95)),
          ready::get,
          List::of,
          Optional.empty());
  private final HttpServer server =
      new HttpServer(
          new HttpSettings("127.0.0.1", 0),
          registry,
          () -> Health.up("running"),
          ready::get,
          status);

  @BeforeEach
  void start() {
    server.start(Duration.ofHours(1));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @Test
  void exportsTheCountersWhoseEquationHolds() throws Exception {
    MicrometerScorerMetrics metrics = new MicrometerScorerMetrics(registry, List.of("intent"));
    for (int record = 0; record < 3; record++) {
      metrics.received();
    }
    metrics.predicted(5);
    metrics.predicted(7);
    metrics.deadLettered();
    metrics.swapped("intent", 3, Duration.ofMillis(9));
    metrics.swapped("intent", 4, Duration.ofMillis(9));

    assertThat(get("/metrics").body())
        .contains("headwater_records_received_total 3.0")
        .contains("headwater_records_predicted_total 2.0")
        .contains("headwater_records_dead_lettered_total 1.0")
        .contains("headwater_labels_unmatched_total 0.0")
        .contains("headwater_record_latency_seconds_count 2")
        .contains("headwater_head_version{task=\"intent\"} 4.0")
        .contains("headwater_head_swaps_total{task=\"intent\"} 2.0");
  }

  @Test
  void exportsBucketsFromWhichQuantilesOverInstancesCanBeTold() throws Exception {
    MicrometerScorerMetrics scorer = new MicrometerScorerMetrics(registry, List.of("intent"));
    scorer.predicted(5);
    scorer.recordBatch(3, 30, 2, Duration.ofMillis(2));
    new MicrometerTrainerMetrics(registry, List.of("intent"), List.of())
        .trained("intent", Duration.ofMillis(300));

    List<String> lines = get("/metrics").body().lines().toList();
    for (String name :
        List.of(
            "headwater_record_latency_seconds_bucket{le=",
            "headwater_stage_duration_seconds_bucket{stage=\"inference\",le=",
            "headwater_inference_batch_records_bucket{le=",
            "headwater_trainer_training_duration_seconds_bucket{task=\"intent\",le=")) {
      List<String> buckets = lines.stream().filter(line -> line.startsWith(name)).toList();
      assertThat(buckets).as(name).hasSizeGreaterThan(5);
      assertThat(buckets.get(0)).as("below it").endsWith(" 0");
      assertThat(buckets.get(buckets.size() - 1)).as("of all").contains("+Inf").endsWith(" 1");
    }
  }

  @Test
  void countsConfidencesInTwentieths() throws Exception {
    MicrometerScorerMetrics metrics = new MicrometerScorerMetrics(registry, List.of("intent"));
    metrics.recordConfidence("intent", 0.31);
    metrics.recordConfidence("intent", 0.93);
    metrics.recordConfidence("intent", 1);
    metrics.recordConfidence("no task of the bundle", 1);

    assertThat(get("/metrics").body())
        .contains("headwater_confidence_ratio_bucket{task=\"intent\",le=\"0.3\"} 0")
        .contains("headwater_confidence_ratio_bucket{task=\"intent\",le=\"0.35\"} 1")
        .contains("headwater_confidence_ratio_bucket{task=\"intent\",le=\"0.95\"} 2")
        .contains("headwater_confidence_ratio_bucket{task=\"intent\",le=\"1.0\"} 3");
  }

  @Test
  void refusalsAreCountedByCauseAndNeverByWhatATopicSays() throws Exception {
    MicrometerScorerMetrics metrics = new MicrometerScorerMetrics(registry, List.of("intent"));
    metrics.headRejected("intent", "unfit");
    metrics.headRejected("made up", "foreign");
    metrics.headRejected("", "unreadable");

    assertThat(get("/metrics").body())
        .contains("headwater_head_refusals_total{reason=\"unfit\",task=\"intent\"} 1.0")
        .contains("headwater_head_refusals_total{reason=\"stale\",task=\"intent\"} 0.0")
        .contains("headwater_head_refusals_total{reason=\"foreign\",task=\"unknown\"} 1.0")
        .contains("headwater_head_refusals_total{reason=\"unreadable\",task=\"unknown\"} 1.0")
        .doesNotContain("made up");
  }

  @Test
  void theInfoSeriesOfAHeadGoesWithIt() throws Exception {
    MicrometerScorerMetrics metrics = new MicrometerScorerMetrics(registry, List.of("intent"));
    metrics.swapped("intent", 3, Duration.ofMillis(9));
    metrics.swapped("intent", 4, Duration.ofMillis(9));

    assertThat(get("/metrics").body())
        .contains("headwater_head_info{task=\"intent\",version=\"4\"} 1")
        .doesNotContain("version=\"3\"");
  }

  @Test
  void servesThePageAndWhatItShows() throws Exception {
    HttpResponse<String> page = get("/");
    assertThat(page.body()).contains("<h1").contains("Chart.js v4").doesNotContain("/*charts*/");
    assertThat(page.headers().firstValue("Content-Security-Policy")).isPresent();
    assertThat(get("/status.json").body())
        .contains("\"thresholds\":{\"intent\":0.95}")
        .contains("catching up on heads");
  }

  @Test
  void exportsVerdictsAndTheMemory() throws Exception {
    MicrometerTrainerMetrics metrics =
        new MicrometerTrainerMetrics(registry, List.of("intent"), List.of("drift-features"));
    metrics.sampled("intent", 1);
    metrics.sampled("intent", 2);
    metrics.trained("intent", Duration.ofMillis(300));
    metrics.tookIn(Duration.ofSeconds(6));
    metrics.judged("intent", false, "not-better");

    assertThat(get("/metrics").body())
        .contains("headwater_trainer_samples_total{task=\"intent\"} 2.0")
        .contains("headwater_trainer_memory_samples{task=\"intent\"} 2.0")
        .contains("headwater_trainer_training_duration_seconds_count{task=\"intent\"} 1")
        .contains("headwater_trainer_intake_duration_seconds_max 6.0")
        .contains(
            "headwater_gate_verdicts_total{cause=\"not-better\",task=\"intent\",verdict=\"refused\"} 1.0");
  }

  @Test
  void answersHealthWithItsCause() throws Exception {
    assertThat(get("/health/live").statusCode()).isEqualTo(200);

    assertThat(get("/health/ready").statusCode()).isEqualTo(503);
    assertThat(get("/health/ready").body()).contains("catching up on heads");

    ready.set(Health.up("head 3 of intent is live"));
    assertThat(get("/health/ready").statusCode()).isEqualTo(200);
  }

  @Test
  void aPageShowsWhatTheTrainerMeasuresBesideItsOwn() throws Exception {
    MicrometerTrainerMetrics trainer =
        new MicrometerTrainerMetrics(registry, List.of("intent"), List.of("drift-errors"));
    trainer.sampled("intent", 8);
    trainer.erased("intent", 7);
    trainer.live("intent", 9);
    status.look(1);
    PrometheusMeterRegistry own = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    new MicrometerScorerMetrics(own, List.of("intent")).swapped("intent", 8, Duration.ofMillis(1));
    try (Status page = page(own, server.port())) {
      JsonNode shown = shown(page);
      assertThat(shown.at("/series/headwater.trainer.memory{task=intent}/0").asDouble())
          .isEqualTo(7);
      assertThat(shown.at("/series/headwater.head.version{task=intent}/0").asDouble())
          .as("its own where both have one")
          .isEqualTo(8);
      assertThat(
              shown
                  .at("/series/headwater.prequential.accuracy{head=live,task=intent}")
                  .isMissingNode())
          .as("no number")
          .isTrue();
      assertThat(shown.at("/trainer/cause").asText()).isEqualTo("catching up on heads");
    }
  }

  @ParameterizedTest
  @CsvSource({"200, no JSON", "200, {}", "503, {}", "0, never sent"})
  void aPageSaysThatTheTrainerDoesNotAnswer(int answers, String body) throws Exception {
    com.sun.net.httpserver.HttpServer other =
        com.sun.net.httpserver.HttpServer.create(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    other.createContext(
        "/",
        exchange -> {
          if (answers > 0) {
            exchange.sendResponseHeaders(answers, body.length());
            exchange.getResponseBody().write(body.getBytes(UTF_8));
            exchange.close();
          }
        });
    other.start();
    try (Status page = page(registry, other.getAddress().getPort())) {
      assertThat(shown(page).at("/trainer").toString())
          .contains("\"up\":false", "no response from http://127.0.0.1:");
    } finally {
      other.stop(0);
    }
  }

  private static Status page(PrometheusMeterRegistry registry, int trainer) {
    return new Status(
        registry,
        new Status.About("desk", "scorer", Map.of()),
        () -> Health.up("running"),
        List::of,
        Optional.of(URI.create("http://127.0.0.1:" + trainer)));
  }

  /** After its first look. */
  private static JsonNode shown(Status page) {
    page.start(Duration.ofHours(1));
    await().until(() -> !((Collection<?>) page.now().get("times")).isEmpty());
    return Json.MAPPER.valueToTree(page.now());
  }

  private HttpResponse<String> get(String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + server.port() + path);
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
  }
}
