package dev.headwater.http;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.metrics.Health;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Fetches current values from the trainer for the status page of a scorer. Only the page depends on
 * it: while the trainer is unreachable, the page shows that.
 */
final class TrainerLink {
  private static final Duration TIMEOUT = Duration.ofSeconds(2);

  private final URI address;
  private final HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
  private volatile Health health;

  /**
   * @param trainer address of its status page
   */
  TrainerLink(URI trainer) {
    address = trainer.resolve(HttpServer.LATEST);
    health = Health.down("not fetched yet: " + address);
  }

  /** Fetches the values by series name; empty if the trainer does not respond. */
  Map<String, Double> ask() throws InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> response =
        client.sendAsync(HttpRequest.newBuilder(address).build(), BodyHandlers.ofByteArray());
    try {
      JsonNode latest = read(response.get(TIMEOUT.toMillis(), TimeUnit.MILLISECONDS));
      Map<String, Double> values = new LinkedHashMap<>();
      latest
          .path("values")
          .properties()
          .forEach(v -> values.put(v.getKey(), v.getValue().asDouble()));
      JsonNode reported = latest.path("health");
      String cause = reported.path("cause").asText();
      health = reported.path("up").asBoolean() ? Health.up(cause) : Health.down(cause);
      return values;
    } catch (ExecutionException | TimeoutException | IOException e) {
      response.cancel(true);
      health = Health.down("no response from %s: %s".formatted(address, cause(e)));
      return Map.of();
    }
  }

  private static JsonNode read(HttpResponse<byte[]> response) throws IOException {
    if (response.statusCode() != HttpServer.OK) {
      throw new IOException("status " + response.statusCode());
    }
    JsonNode latest = Json.MAPPER.readTree(response.body());
    if (!latest.path("values").isObject()) {
      throw new IOException("not a Headwater status page");
    }
    return latest;
  }

  private static String cause(Exception failure) {
    Throwable cause =
        failure instanceof ExecutionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof TimeoutException
        ? "timed out after " + TIMEOUT.toSeconds() + " s"
        : cause.toString();
  }

  /** Returns the trainer's health as of the last fetch. */
  Health health() {
    return health;
  }
}
