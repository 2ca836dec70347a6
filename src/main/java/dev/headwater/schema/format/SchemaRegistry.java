package dev.headwater.schema.format;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.avro.AvroSchema;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.kafka.common.errors.InterruptException;
import org.jspecify.annotations.Nullable;

/**
 * A client of a schema registry, for the API shared by Confluent, Apicurio, Karapace and Redpanda.
 * Schemas are immutable under their id, so each is requested once and cached. Cached schemas remain
 * usable while the registry is unavailable. Thread-safe.
 *
 * <p>Failure contract: an unknown id is an error of the value, an {@link UnreadableValueException}.
 * Every other failure (connection, authorisation, server error) is a {@link RegistryException}.
 * After such a failure, requests fail without network access for one second.
 */
public final class SchemaRegistry {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration RESPONSE_TIMEOUT = Duration.ofSeconds(10);
  private static final long BACK_OFF_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long STALE_NANOS = Duration.ofSeconds(30).toNanos();

  /** How long an unknown id is cached: a producer may send it in every record. */
  private static final long UNKNOWN_NANOS = Duration.ofSeconds(5).toNanos();

  /** Bounds the cache, because a producer may send any number of invalid ids. */
  private static final int MAX_UNKNOWN_IDS = 1000;

  /** Replication lag: how long a registry node may not know a schema registered on another. */
  private static final long LAG_NANOS = Duration.ofMillis(500).toNanos();

  private static final String CONTENT = "application/vnd.schemaregistry.v1+json";
  private static final int NOT_FOUND = 404;

  /** Error codes of a missing subject, version or schema; other 404s are wrong paths or proxies. */
  private static final Set<Integer> NOT_FOUND_CODES = Set.of(40401, 40402, 40403);

  /** Matches no status: every status other than OK is a failure. */
  private static final int NO_STATUS = 0;

  private static final int OK = 200;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RegistrySettings settings;
  private final HttpClient http;
  private final Map<Integer, AvroSchema> schemas = new ConcurrentHashMap<>();
  private final Map<String, Integer> ids = new ConcurrentHashMap<>();
  private volatile @Nullable Failure failure;
  private final Map<Integer, UnknownId> unknownIds = new ConcurrentHashMap<>();
  private @Nullable Long lastWait; // guarded by this

  private record Failure(RegistryException cause, long at) {}

  private record UnknownId(String reason, long at) {}

  public SchemaRegistry(RegistrySettings settings) {
    this.settings = settings;
    HttpClient.Builder client =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT_TIMEOUT)
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NORMAL);
    settings.ssl().ifPresent(client::sslContext);
    http = client.build();
  }

  /**
   * Returns why the last request failed; empty if it succeeded, or if the failure is too old for
   * anything to be waiting on it.
   */
  public Optional<String> away() {
    return Optional.ofNullable(failure)
        .filter(failed -> System.nanoTime() - failed.at() < STALE_NANOS)
        .map(failed -> failed.cause().getMessage());
  }

  /**
   * Returns the schema with the id.
   *
   * @throws UnreadableValueException if there is no such schema, or if it is not Avro
   */
  AvroSchema schema(int id) throws UnreadableValueException {
    AvroSchema known = schemas.get(id);
    if (known != null) {
      return known;
    }
    requireNotUnknown(id);
    synchronized (this) {
      known = schemas.get(id);
      if (known == null) {
        requireNotUnknown(id);
        known = fetch(id);
        schemas.put(id, known);
      }
      return known;
    }
  }

  private void requireNotUnknown(int id) throws UnreadableValueException {
    UnknownId unknown = unknownIds.get(id);
    if (unknown != null && System.nanoTime() - unknown.at() < UNKNOWN_NANOS) {
      throw new UnreadableValueException(unknown.reason());
    }
  }

  private AvroSchema fetch(int id) throws UnreadableValueException {
    try {
      return parse(id, get("/schemas/ids/" + id, id));
    } catch (UnreadableValueException e) {
      if (unknownIds.size() >= MAX_UNKNOWN_IDS) {
        unknownIds.clear();
      }
      unknownIds.put(id, new UnknownId(String.valueOf(e.getMessage()), System.nanoTime()));
      throw e;
    }
  }

  private AvroSchema parse(int id, JsonNode response) throws UnreadableValueException {
    String type = response.path("schemaType").asText("AVRO");
    if (!type.equals("AVRO")) {
      throw new UnreadableValueException(
          "has schema id %d of type %s, expected AVRO".formatted(id, type));
    }
    try {
      // only used to read: names and defaults that Avro forbids by now do no harm
      Schema.Parser parser =
          new Schema.Parser(NameValidator.NO_VALIDATION).setValidateDefaults(false);
      parseReferences(id, response, parser);
      return new AvroSchema(parser.parse(response.path("schema").asText()));
    } catch (AvroRuntimeException e) {
      throw new UnreadableValueException(
          "has schema id %d, which is not a valid Avro schema".formatted(id));
    }
  }

  private void parseReferences(int id, JsonNode response, Schema.Parser parser)
      throws UnreadableValueException {
    for (JsonNode reference : response.path("references")) {
      JsonNode referred =
          get(
              "/subjects/%s/versions/%d"
                  .formatted(
                      path(reference.path("subject").asText()), reference.path("version").asInt()),
              id);
      parseReferences(id, referred, parser);
      if (!parser.getTypes().containsKey(reference.path("name").asText())) {
        parser.parse(referred.path("schema").asText());
      }
    }
  }

  /** Returns the id of the schema for the values of a topic; registers it if configured. */
  int id(String topic, Schema schema) {
    Integer known = ids.get(topic);
    if (known != null) {
      return known;
    }
    synchronized (this) {
      return ids.computeIfAbsent(topic, name -> register(name, schema));
    }
  }

  private int register(String topic, Schema schema) {
    String subject =
        "/subjects/" + path(topic + "-value") + (settings.register() ? "/versions" : "");
    String body = JSON.createObjectNode().put("schema", schema.toString()).toString();
    JsonNode id =
        send(
                HttpRequest.newBuilder(settings.uri(subject))
                    .header("Content-Type", CONTENT)
                    .POST(HttpRequest.BodyPublishers.ofString(body)),
                NO_STATUS)
            .path("id");
    if (!id.isInt()) {
      throw invalidResponse("POST", subject);
    }
    return id.intValue();
  }

  private JsonNode get(String path, int id) throws UnreadableValueException {
    JsonNode response = send(HttpRequest.newBuilder(settings.uri(path)).GET(), NOT_FOUND);
    if (response.isMissingNode() && waitForReplication()) {
      response = send(HttpRequest.newBuilder(settings.uri(path)).GET(), NOT_FOUND);
    }
    if (response.isMissingNode()) {
      throw new UnreadableValueException(
          "has schema id %d, which is not in the schema registry".formatted(id));
    }
    if (!response.path("schema").isTextual()) {
      throw invalidResponse("GET", path);
    }
    return response;
  }

  /** Waits for a lagging registry node, once per interval: most unknown ids never appear. */
  private synchronized boolean waitForReplication() {
    Long last = lastWait;
    if (last != null && System.nanoTime() - last < UNKNOWN_NANOS) {
      return false;
    }
    LockSupport.parkNanos(LAG_NANOS);
    lastWait = System.nanoTime();
    return true;
  }

  private static RegistryException invalidResponse(String method, String path) {
    return new RegistryException(
        "invalid response to %s %s: registry.url is not a schema registry".formatted(method, path),
        null);
  }

  /**
   * Sends a request.
   *
   * @param absent the status for which a missing node is returned
   */
  private synchronized JsonNode send(HttpRequest.Builder builder, int absent) {
    Failure last = failure;
    if (last != null && System.nanoTime() - last.at() < BACK_OFF_NANOS) {
      throw last.cause();
    }
    builder.header("Accept", CONTENT);
    settings.authorization().ifPresent(value -> builder.header("Authorization", value));
    HttpRequest request = builder.build();
    try {
      JsonNode content = read(exchange(request), absent);
      failure = null;
      return content;
    } catch (IOException e) {
      RegistryException unavailable =
          new RegistryException(
              "schema registry request %s %s failed: %s"
                  .formatted(
                      request.method(), request.uri(), e.getMessage() == null ? e : e.getMessage()),
              e);
      failure = new Failure(unavailable, System.nanoTime());
      throw unavailable;
    } catch (InterruptedException e) {
      throw new InterruptException(e); // restores the interrupt
    }
  }

  /** Applies the timeout to the full body; {@code HttpRequest.timeout} ends with the headers. */
  private HttpResponse<byte[]> exchange(HttpRequest request)
      throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> response =
        http.sendAsync(request, HttpResponse.BodyHandlers.ofByteArray());
    try {
      return response.get(RESPONSE_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new IOException("no complete response within " + RESPONSE_TIMEOUT, e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(cause.getMessage() == null ? cause.toString() : cause.getMessage(), e);
    } finally {
      response.cancel(true);
    }
  }

  private static JsonNode read(HttpResponse<byte[]> response, int absent) throws IOException {
    int status = response.statusCode();
    if (status == OK) {
      JsonNode content = JSON.readTree(response.body());
      if (content.isMissingNode()) { // would be taken for a missing schema
        throw new IOException("status 200 without content");
      }
      return content;
    }
    JsonNode error = error(response.body());
    if (status == absent && NOT_FOUND_CODES.contains(error.path("error_code").asInt())) {
      return JSON.missingNode();
    }
    throw new IOException("status %d: %s".formatted(status, error.path("message").asText("")));
  }

  private static JsonNode error(byte[] body) {
    try {
      return JSON.readTree(body);
    } catch (IOException e) {
      return JSON.missingNode(); // an error page of a proxy, or empty
    }
  }

  private static String path(String name) {
    return URLEncoder.encode(name, UTF_8).replace("+", "%20");
  }
}
