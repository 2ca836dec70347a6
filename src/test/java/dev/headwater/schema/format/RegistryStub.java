package dev.headwater.schema.format;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.avro.Schema;
import org.jspecify.annotations.Nullable;

/**
 * A few requests of the registries' common API, answered as Apicurio 3.0.9 answers them; AvroIT
 * runs that one itself.
 */
public final class RegistryStub implements AutoCloseable {
  private final HttpServer server;
  private final List<Schema> schemas = new CopyOnWriteArrayList<>();
  final List<String> requests = new CopyOnWriteArrayList<>();
  final List<String> authorizations = new CopyOnWriteArrayList<>();
  volatile int failing; // with this status, unless 0
  volatile @Nullable String told; // in place of what was asked for
  volatile boolean unfinished; // it begins to answer, and that is all
  final AtomicInteger behind = new AtomicInteger(); // questions until it has what another took

  public RegistryStub() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.createContext("/", this::answer);
    server.start();
  }

  /** Registers a schema. */
  public int add(Schema schema) {
    if (!schemas.contains(schema)) {
      schemas.add(schema);
    }
    return schemas.indexOf(schema) + 1;
  }

  /** What {@code registry:} would say. */
  public RegistrySettings settings() {
    return RegistrySettings.of(Map.of("url", url()));
  }

  String url() {
    return "http://localhost:" + server.getAddress().getPort() + "/";
  }

  /** The Confluent wire format. */
  public static byte[] framed(int id, byte[] body) {
    return ByteBuffer.allocate(5 + body.length).put((byte) 0).putInt(id).put(body).array();
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath();
    requests.add(exchange.getRequestMethod() + " " + path);
    authorizations.addAll(exchange.getRequestHeaders().getOrDefault("Authorization", List.of()));
    if (unfinished) {
      exchange.sendResponseHeaders(200, 100);
    } else if (failing != 0) {
      send(exchange, failing, "{\"error_code\":50001,\"message\":\"out of order\"}");
    } else if (told != null) {
      send(exchange, 200, told);
    } else if (exchange.getRequestMethod().equals("POST")) {
      JsonNode body = Json.MAPPER.readTree(exchange.getRequestBody());
      int id = add(new Schema.Parser().parse(body.path("schema").asText()));
      send(exchange, 200, "{\"id\":" + id + "}");
    } else {
      int id = Integer.parseInt(path.substring(path.lastIndexOf('/') + 1));
      boolean known =
          path.startsWith("/schemas/ids/")
              && id >= 1
              && id <= schemas.size()
              && behind.getAndUpdate(n -> Math.max(0, n - 1)) == 0;
      send(
          exchange,
          known ? 200 : 404,
          known
              ? Json.MAPPER.writeValueAsString(Map.of("schema", schemas.get(id - 1).toString()))
              : "{\"error_code\":40403,\"message\":\"No content with that id\"}");
    }
  }

  private static void send(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
