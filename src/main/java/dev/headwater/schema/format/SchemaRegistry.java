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
 * A schema registry, by the API that Confluent's, Apicurio's, Karapace's and Redpanda's share.
 * Schemas are immutable under their id, so each is asked for once and kept; what is kept goes on
 * working while the registry is away. Thread-safe.
 *
 * <p>Failure contract: that an id is unknown is the value's fault and told as such. Everything else
 * (no connection, no authorisation, an error of the server) is a {@link RegistryException}; for a
 * second after one, nothing is asked again.
 */
public final class SchemaRegistry {
  private static final Duration CONNECT = Duration.ofSeconds(5);
  private static final Duration ANSWER = Duration.ofSeconds(10);
  private static final long BACK_OFF_NANOS = Duration.ofSeconds(1).toNanos();
  private static final long STALE_NANOS = Duration.ofSeconds(30).toNanos();

  /** How long what is no schema is none without asking: a producer may name it in every record. */
  private static final long UNKNOWN_NANOS = Duration.ofSeconds(5).toNanos();

  /** A producer may make up as many ids as it likes. */
  private static final int MOST_REFUSALS = 1000;

  /** In which another of the registry's nodes learns of a schema that the first has just taken. */
  private static final long LAG_NANOS = Duration.ofMillis(500).toNanos();

  private static final String CONTENT = "application/vnd.schemaregistry.v1+json";
  private static final int NOT_FOUND = 404;

  /** No such subject, version or schema; any other 404 is of a wrong path, or of a proxy. */
  private static final Set<Integer> ABSENT = Set.of(40401, 40402, 40403);

  /** No status: whatever is not OK is a failure. */
  private static final int NOT_TOLD = 0;

  private static final int OK = 200;
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RegistrySettings settings;
  private final HttpClient http;
  private final Map<Integer, AvroSchema> schemas = new ConcurrentHashMap<>();
  private final Map<String, Integer> ids = new ConcurrentHashMap<>();
  private volatile @Nullable Failure failure;
  private final Map<Integer, Refusal> refusals = new ConcurrentHashMap<>();
  private @Nullable Long waited; // guarded by this

  private record Failure(RegistryException cause, long at) {}

  private record Refusal(String why, long at) {}

  public SchemaRegistry(RegistrySettings settings) {
    this.settings = settings;
    HttpClient.Builder client =
        HttpClient.newBuilder()
            .connectTimeout(CONNECT)
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NORMAL);
    settings.ssl().ifPresent(client::sslContext);
    http = client.build();
  }

  /**
   * Why the registry gave no answer when it was last asked; empty where it gave one, and where that
   * is so long ago that nothing can be waiting for it.
   */
  public Optional<String> away() {
    return Optional.ofNullable(failure)
        .filter(failed -> System.nanoTime() - failed.at() < STALE_NANOS)
        .map(failed -> failed.cause().getMessage());
  }

  /**
   * @throws UnreadableValueException if there is no such schema, or it is not Avro
   */
  AvroSchema schema(int id) throws UnreadableValueException {
    AvroSchema known = schemas.get(id);
    if (known != null) {
      return known;
    }
    requireNotRefused(id);
    synchronized (this) {
      known = schemas.get(id);
      if (known == null) {
        requireNotRefused(id);
        known = asked(id);
        schemas.put(id, known);
      }
      return known;
    }
  }

  private void requireNotRefused(int id) throws UnreadableValueException {
    Refusal refusal = refusals.get(id);
    if (refusal != null && System.nanoTime() - refusal.at() < UNKNOWN_NANOS) {
      throw new UnreadableValueException(refusal.why());
    }
  }

  private AvroSchema asked(int id) throws UnreadableValueException {
    try {
      return parse(id, get("/schemas/ids/" + id, id));
    } catch (UnreadableValueException e) {
      if (refusals.size() >= MOST_REFUSALS) {
        refusals.clear();
      }
      refusals.put(id, new Refusal(String.valueOf(e.getMessage()), System.nanoTime()));
      throw e;
    }
  }

  private AvroSchema parse(int id, JsonNode answer) throws UnreadableValueException {
    String type = answer.path("schemaType").asText("AVRO");
    if (!type.equals("AVRO")) {
      throw new UnreadableValueException("names schema %d, which is %s".formatted(id, type));
    }
    try {
      // what was written is only read: names and defaults that Avro now forbids do not matter
      Schema.Parser parser =
          new Schema.Parser(NameValidator.NO_VALIDATION).setValidateDefaults(false);
      references(id, answer, parser);
      return new AvroSchema(parser.parse(answer.path("schema").asText()));
    } catch (AvroRuntimeException e) {
      throw new UnreadableValueException("names schema %d, which is no Avro schema".formatted(id));
    }
  }

  private void references(int id, JsonNode answer, Schema.Parser parser)
      throws UnreadableValueException {
    for (JsonNode reference : answer.path("references")) {
      JsonNode referred =
          get(
              "/subjects/%s/versions/%d"
                  .formatted(
                      path(reference.path("subject").asText()), reference.path("version").asInt()),
              id);
      references(id, referred, parser);
      if (!parser.getTypes().containsKey(reference.path("name").asText())) {
        parser.parse(referred.path("schema").asText());
      }
    }
  }

  /** The id under which a schema is registered for the values of a topic. */
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
        ask(
                HttpRequest.newBuilder(settings.uri(subject))
                    .header("Content-Type", CONTENT)
                    .POST(HttpRequest.BodyPublishers.ofString(body)),
                NOT_TOLD)
            .path("id");
    if (!id.isInt()) {
      throw noRegistry("POST", subject);
    }
    return id.intValue();
  }

  private JsonNode get(String path, int id) throws UnreadableValueException {
    JsonNode answer = ask(HttpRequest.newBuilder(settings.uri(path)).GET(), NOT_FOUND);
    if (answer.isMissingNode() && waits()) {
      answer = ask(HttpRequest.newBuilder(settings.uri(path)).GET(), NOT_FOUND);
    }
    if (answer.isMissingNode()) {
      throw new UnreadableValueException(
          "names schema %d, which the registry does not know".formatted(id));
    }
    if (!answer.path("schema").isTextual()) {
      throw noRegistry("GET", path);
    }
    return answer;
  }

  /** Waits for a node that lags, but not for each id that nobody ever registered. */
  private synchronized boolean waits() {
    Long last = waited;
    if (last != null && System.nanoTime() - last < UNKNOWN_NANOS) {
      return false;
    }
    LockSupport.parkNanos(LAG_NANOS);
    waited = System.nanoTime();
    return true;
  }

  private static RegistryException noRegistry(String method, String path) {
    return new RegistryException(
        "what answers %s %s is no schema registry".formatted(method, path), null);
  }

  /**
   * @param absent the status that is answered by a missing node
   */
  private synchronized JsonNode ask(HttpRequest.Builder request, int absent) {
    Failure last = failure;
    if (last != null && System.nanoTime() - last.at() < BACK_OFF_NANOS) {
      throw last.cause();
    }
    request.header("Accept", CONTENT);
    settings.authorization().ifPresent(value -> request.header("Authorization", value));
    HttpRequest asked = request.build();
    try {
      JsonNode told = read(answer(asked), absent);
      failure = null;
      return told;
    } catch (IOException e) {
      RegistryException away =
          new RegistryException(
              "the schema registry did not answer %s %s: %s"
                  .formatted(
                      asked.method(), asked.uri(), e.getMessage() == null ? e : e.getMessage()),
              e);
      failure = new Failure(away, System.nanoTime());
      throw away;
    } catch (InterruptedException e) {
      throw new InterruptException(e); // restores the interrupt
    }
  }

  /** Within {@link #ANSWER} to its last byte; a request's own timeout ends with the first ones. */
  private HttpResponse<byte[]> answer(HttpRequest asked) throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> answer =
        http.sendAsync(asked, HttpResponse.BodyHandlers.ofByteArray());
    try {
      return answer.get(ANSWER.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new IOException("no answer in " + ANSWER, e);
    } catch (ExecutionException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new IOException(cause.getMessage() == null ? cause.toString() : cause.getMessage(), e);
    } finally {
      answer.cancel(true);
    }
  }

  private static JsonNode read(HttpResponse<byte[]> answer, int absent) throws IOException {
    int status = answer.statusCode();
    if (status == OK) {
      JsonNode told = JSON.readTree(answer.body());
      if (told.isMissingNode()) { // which would count as an absent schema
        throw new IOException("status 200 without content");
      }
      return told;
    }
    JsonNode error = error(answer.body());
    if (status == absent && ABSENT.contains(error.path("error_code").asInt())) {
      return JSON.missingNode();
    }
    throw new IOException("status %d: %s".formatted(status, error.path("message").asText("")));
  }

  private static JsonNode error(byte[] body) {
    try {
      return JSON.readTree(body);
    } catch (IOException e) {
      return JSON.missingNode(); // a proxy's page, or nothing
    }
  }

  private static String path(String name) {
    return URLEncoder.encode(name, UTF_8).replace("+", "%20");
  }
}
