package dev.headwater.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import dev.headwater.stream.FreePort;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;

/** What a Prometheus on this machine answers. */
final class Prometheus {
  private final HttpClient http = HttpClient.newHttpClient();
  private final int port;
  private String moment = "";

  Prometheus() throws IOException {
    port = FreePort.next();
  }

  /** Where it has to listen. */
  String address() {
    return "127.0.0.1:" + port;
  }

  /** Asks of that moment from now on: a rate does not reach past a scrape's, and is exact. */
  void stayAt(double seconds) {
    moment = "&time=%.3f".formatted(seconds);
  }

  double value(String expression) throws Exception {
    JsonNode result = query(expression);
    assertThat(result).as(expression).hasSize(1);
    return Double.parseDouble(result.at("/0/value/1").asText());
  }

  JsonNode query(String expression) throws Exception {
    return get("/api/v1/query?query=" + encode(expression) + moment).at("/data/result");
  }

  JsonNode overTime(String expression, Duration before) throws Exception {
    long now = Instant.now().getEpochSecond();
    return get("/api/v1/query_range?start=%d&end=%d&step=2&query=%s"
            .formatted(now - before.toSeconds(), now, encode(expression)))
        .at("/data/result");
  }

  /** Whether it gave a number once. */
  boolean hasTold(String expression, Duration before) throws Exception {
    for (JsonNode one : overTime(expression, before)) {
      for (JsonNode point : one.path("values")) {
        if (!point.path(1).asText().equals("NaN")) {
          return true;
        }
      }
    }
    return false;
  }

  JsonNode get(String path) throws Exception {
    URI uri = URI.create("http://" + address() + path);
    HttpResponse<String> answer =
        http.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
    assertThat(answer.statusCode()).as("%s%n%s", path, answer.body()).isEqualTo(200);
    return Json.MAPPER.readTree(answer.body());
  }

  private static String encode(String expression) {
    return URLEncoder.encode(expression, StandardCharsets.UTF_8);
  }
}
