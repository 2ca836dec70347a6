package dev.headwater.http;

import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpStatus;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.Scheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Hardens the HTTP server for read-only use. Only GET and HEAD are allowed, and request bodies are
 * never read. Header size and connection time are bounded. Internal errors are logged and not
 * returned.
 */
final class ReadOnly {
  private static final Logger log = LoggerFactory.getLogger(ReadOnly.class);
  private static final Set<String> METHODS = Set.of("GET", "HEAD");
  private static final int REQUEST_HEADER_BYTES = 4 << 10;
  private static final Duration IDLE = Duration.ofSeconds(5);

  /**
   * Maximum duration of a connection, which has one request. {@link #IDLE} restarts with every byte
   * and Jetty's data rates ignore headers, so slow clients could otherwise hold connections open.
   */
  private static final Duration MAX_DURATION = Duration.ofSeconds(10);

  /** Enough for scrapers, probes and a few users; further connections wait to be accepted. */
  static final int CONNECTIONS = 128;

  /** Default headers; the policy allows files of this server, and inline styles but no scripts. */
  private static final Map<String, String> HEADERS =
      Map.of(
          "Content-Security-Policy",
          "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
              + " object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
          "X-Content-Type-Options",
          "nosniff",
          "Referrer-Policy",
          "no-referrer",
          "Cache-Control",
          "no-store");

  private ReadOnly() {}

  /** Applies the limits and binds only the configured address. */
  static void harden(JavalinConfig config, HttpSettings settings) {
    config.routes.before(ReadOnly::begin);
    config.routes.exception(Exception.class, ReadOnly::failed);
    config.routes.error(
        HttpStatus.NOT_FOUND.getCode(),
        context -> context.result(HttpStatus.NOT_FOUND.getMessage()));
    config.jetty.modifyHttpConfiguration(ReadOnly::limit);
    config.jetty.modifyServer(ReadOnly::limit);
    config.jetty.addConnector(
        (server, http) -> {
          // one acceptor: a second could exceed the connection limit by one
          ServerConnector connector =
              new ServerConnector(server, 1, -1, new HttpConnectionFactory(http));
          connector.setHost(settings.host());
          connector.setPort(settings.port());
          connector.setIdleTimeout(IDLE.toMillis());
          connector.addEventListener(new Deadline(connector.getScheduler()));
          return connector;
        });
  }

  private static void begin(Context context) {
    HEADERS.forEach(context::header);
    if (!METHODS.contains(context.req().getMethod())) {
      context.header("Allow", "GET, HEAD").status(HttpStatus.METHOD_NOT_ALLOWED);
      context.result(HttpStatus.METHOD_NOT_ALLOWED.getMessage()).skipRemainingHandlers();
    }
  }

  private static void failed(Exception failure, Context context) {
    log.atWarn().addKeyValue("path", context.path()).setCause(failure).log("request failed");
    context
        .status(HttpStatus.INTERNAL_SERVER_ERROR)
        .result(HttpStatus.INTERNAL_SERVER_ERROR.getMessage());
  }

  private static void limit(HttpConfiguration http) {
    http.setSendServerVersion(false);
    http.setRequestHeaderSize(REQUEST_HEADER_BYTES);
    http.setPersistentConnectionsEnabled(false); // so a connection limit is a request limit
  }

  private static void limit(Server server) {
    server.addBean(new NetworkConnectionLimit(CONNECTIONS, server));
    // malformed HTTP never reaches a handler, and Jetty's error page reveals its version
    server.setErrorHandler(
        (request, response, callback) -> {
          callback.succeeded();
          return true;
        });
  }

  /** Closes connections at their deadline. */
  private static final class Deadline implements Connection.Listener {
    private final Scheduler scheduler;
    private final Map<Connection, Scheduler.Task> open = new ConcurrentHashMap<>();

    Deadline(Scheduler scheduler) {
      this.scheduler = scheduler;
    }

    @Override
    public void onOpened(Connection connection) {
      open.put(
          connection,
          scheduler.schedule(
              connection.getEndPoint()::close, MAX_DURATION.toMillis(), TimeUnit.MILLISECONDS));
    }

    @Override
    public void onClosed(Connection connection) {
      Scheduler.Task end = open.remove(connection);
      if (end != null) {
        end.cancel();
      }
    }
  }
}
