package dev.headwater.http;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.metrics.Health;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Over bare sockets: a client library would not send most of it. */
class ReadOnlyTest {
  private static final int PATIENCE_MS = 60_000;

  /** From one byte of a slow client to the next, far below the silence that is allowed. */
  private static final int DRIP_MS = 300;

  private static final Supplier<Health> BROKEN =
      () -> {
        throw new IllegalStateException("the inside of it");
      };
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final HttpServer server =
      new HttpServer(
          new HttpSettings("127.0.0.1", 0),
          registry,
          () -> Health.up("running"),
          BROKEN,
          new Status(
              registry,
              new Status.About("desk", "scorer", Map.of("intent", 0.95)),
              () -> Health.up("running"),
              List::of,
              Optional.empty()));

  @BeforeEach
  void start() {
    server.start(Duration.ofHours(1));
  }

  @AfterEach
  void stop() {
    server.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PURGE"})
  void nothingButGetAndHeadDoesAnything(String method) throws Exception {
    String answer =
        answer(method + " /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Told: me\r\n\r\n");

    assertThat(answer).startsWith("HTTP/1.1 405 ").contains("\r\nAllow: GET, HEAD\r\n");
    assertThat(answer).doesNotContain("X-Told", "headwater_", "jvm_");
  }

  @Test
  void headIsGetWithoutABody() throws Exception {
    String answer = answer("HEAD /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

    assertThat(answer).startsWith("HTTP/1.1 200 ").doesNotContain("running");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/metrics", "/health/live", "/health/ready", "/nowhere"})
  void everyAnswerTellsBrowsersToTrustNothingElse(String path) throws Exception {
    assertThat(get(path))
        .contains("Content-Security-Policy: default-src 'self';", "frame-ancestors 'none'")
        .contains("X-Content-Type-Options: nosniff");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET /metrics HTTP/1.1",
        "GET /nowhere HTTP/1.1",
        "GET /health/ready HTTP/1.1",
        "GET /..%2f..%2fetc HTTP/1.1",
        "GET /%zz HTTP/1.1",
        "GET /metrics HTTP/9.9",
        "no HTTP at all"
      })
  void noAnswerTellsWhatIsInside(String request) throws Exception {
    String answer = answer(request + "\r\nHost: a\r\nConnection: close\r\n\r\n");

    assertThat(answer.toLowerCase(Locale.ROOT))
        .startsWith("http/1.1 ")
        .doesNotContain("jetty", "javalin", "exception", "the inside of it", "at dev.", "server:");
  }

  @Test
  void whatFailsInsideIsAnErrorWithoutAReason() throws Exception {
    assertThat(get("/health/ready")).startsWith("HTTP/1.1 500 ").endsWith("\r\n\r\nServer Error");
  }

  @Test
  void headersAreBounded() throws Exception {
    String answer =
        answer("GET /metrics HTTP/1.1\r\nHost: a\r\nX-Long: " + "a".repeat(5000) + "\r\n\r\n");

    assertThat(answer).startsWith("HTTP/1.1 431 ");
  }

  @Test
  void whoDoesNotGoOnIsNotWaitedFor() throws Exception {
    String answer = answer("GET /metrics HTTP/1.1\r\nHost:");

    assertThat(answer).as("the server closed the connection").doesNotContain(" 200 ");
  }

  @Test
  void whoSendsAByteNowAndThenIsCutOff() throws Exception {
    try (Socket socket = new Socket("127.0.0.1", server.port())) {
      socket.setSoTimeout(DRIP_MS);
      socket.getOutputStream().write("GET /metrics HTTP/1.1\r\nX-Slow: ".getBytes(US_ASCII));

      assertThat(IntStream.range(0, PATIENCE_MS / DRIP_MS).anyMatch(drip -> isCutOff(socket)))
          .as("the server closed the connection within %d bytes", PATIENCE_MS / DRIP_MS)
          .isTrue();
    }
  }

  /** Sends a byte, and waits as long as a drip takes for the end. */
  private static boolean isCutOff(Socket socket) {
    try {
      socket.getOutputStream().write('a');
      return socket.getInputStream().read() < 0;
    } catch (SocketTimeoutException e) {
      return false; // the server waits for more
    } catch (IOException e) {
      return true; // a reset, for it did not read the last bytes
    }
  }

  @Test
  void aConnectionCarriesOneRequest() throws Exception {
    assertThat(answer("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"))
        .startsWith("HTTP/1.1 200 ")
        .contains("\r\nConnection: close\r\n");
  }

  @Test
  void oneConnectionTooManyWaitsForTheEndOfAnother() throws Exception {
    List<Socket> held = new ArrayList<>();
    try (Socket next = new Socket()) {
      for (int i = 0; i < ReadOnly.CONNECTIONS; i++) {
        held.add(new Socket("127.0.0.1", server.port()));
      }
      next.connect(held.get(0).getRemoteSocketAddress());
      next.getOutputStream()
          .write("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(US_ASCII));
      next.setSoTimeout(DRIP_MS);
      assertThatThrownBy(() -> next.getInputStream().read())
          .isInstanceOf(SocketTimeoutException.class);

      held.get(0).close();
      next.setSoTimeout(PATIENCE_MS);
      assertThat(new String(next.getInputStream().readAllBytes(), US_ASCII))
          .startsWith("HTTP/1.1 200 ");
    } finally {
      for (Socket socket : held) {
        socket.close();
      }
    }
  }

  @Test
  void listensOnTheAddressItWasGivenOnly() throws Exception {
    // all of 127.0.0.0/8 is this machine, but only one address of it was asked for
    assertThatThrownBy(() -> new Socket("127.0.0.2", server.port()).close())
        .isInstanceOf(ConnectException.class);
  }

  private String get(String path) throws IOException {
    return answer("GET " + path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  }

  /** Everything the server says until it closes the connection. */
  private String answer(String request) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", server.port())) {
      socket.setSoTimeout(PATIENCE_MS);
      socket.getOutputStream().write(request.getBytes(US_ASCII));
      socket.getOutputStream().flush();
      return new String(socket.getInputStream().readAllBytes(), US_ASCII);
    }
  }
}
