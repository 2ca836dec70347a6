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
 * Asks the trainer for what it measures now, so that a scorer's page can show the whole loop. What
 * depends on it is the page alone: while the trainer does not answer, that is what is told.
 */
final class TrainerLink {
  private static final Duration PATIENCE = Duration.ofSeconds(2);

  private final URI address;
  private final HttpClient client = HttpClient.newBuilder().connectTimeout(PATIENCE).build();
  private volatile Health health;

  /**
   * @param trainer where its page is
   */
  TrainerLink(URI trainer) {
    address = trainer.resolve(HttpServer.LATEST);
    health = Health.down("not asked yet: " + address);
  }

  /** By name, as the page's series are; nothing where there is no answer. */
  Map<String, Double> ask() throws InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> answer =
        client.sendAsync(HttpRequest.newBuilder(address).build(), BodyHandlers.ofByteArray());
    try {
      JsonNode latest = read(answer.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS));
      Map<String, Double> values = new LinkedHashMap<>();
      latest
          .path("values")
          .properties()
          .forEach(v -> values.put(v.getKey(), v.getValue().asDouble()));
      JsonNode told = latest.path("health");
      String cause = told.path("cause").asText();
      health = told.path("up").asBoolean() ? Health.up(cause) : Health.down(cause);
      return values;
    } catch (ExecutionException | TimeoutException | IOException e) {
      answer.cancel(true);
      health = Health.down("no answer from %s: %s".formatted(address, cause(e)));
      return Map.of();
    }
  }

  private static JsonNode read(HttpResponse<byte[]> answer) throws IOException {
    if (answer.statusCode() != HttpServer.OK) {
      throw new IOException("status " + answer.statusCode());
    }
    JsonNode latest = Json.MAPPER.readTree(answer.body());
    if (!latest.path("values").isObject()) {
      throw new IOException("that is no trainer");
    }
    return latest;
  }

  private static String cause(Exception failure) {
    Throwable cause =
        failure instanceof ExecutionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    return cause instanceof TimeoutException
        ? "not within " + PATIENCE.toSeconds() + " s"
        : cause.toString();
  }

  /** Of the trainer, as of the last time it was asked. */
  Health health() {
    return health;
  }
}
