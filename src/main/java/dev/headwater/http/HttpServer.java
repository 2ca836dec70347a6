package dev.headwater.http;

import dev.headwater.metrics.Health;
import dev.headwater.schema.Json;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * {@code /metrics} in the Prometheus text format; {@code /health/live} and {@code /health/ready} as
 * JSON {@code {"up": boolean, "cause": string, "parts": {name: the same}}} with status 200 or 503;
 * the status page at {@code /}, its data at {@code /status.json}, and the latest of it at {@code
 * /status/latest.json}. Nothing can be changed through it: see {@link ReadOnly}.
 */
public final class HttpServer implements AutoCloseable {
  /** Prometheus text exposition format 0.0.4. */
  private static final String PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

  /** The page is one file: it asks this server for its data, and nobody else for anything. */
  private static final String ONE_FILE =
      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:;"
          + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  static final String LATEST = "/status/latest.json";
  static final int OK = 200;
  private static final int SERVICE_UNAVAILABLE = 503;

  private final Status status;
  private final Javalin server;
  private final ProcessMeters process;

  /**
   * @param status is closed with this
   */
  public HttpServer(
      HttpSettings settings,
      PrometheusMeterRegistry registry,
      Supplier<Health> live,
      Supplier<Health> ready,
      Status status) {
    this.status = status;
    this.process = new ProcessMeters(registry, live, ready);
    String page = StatusPage.live();
    this.server =
        Javalin.create(
            config -> {
              config.startup.showJavalinBanner = false;
              ReadOnly.harden(config, settings);
              config.routes.get(
                  "/", context -> context.header("Content-Security-Policy", ONE_FILE).html(page));
              config.routes.get("/status.json", context -> json(context, status.now()));
              config.routes.get(LATEST, context -> json(context, status.latest()));
              config.routes.get(
                  "/metrics",
                  context -> context.contentType(PROMETHEUS_TEXT).result(registry.scrape()));
              config.routes.get("/health/live", context -> answer(context, live.get()));
              config.routes.get("/health/ready", context -> answer(context, ready.get()));
            });
  }

  /**
   * Binds, and follows what the page shows; throws if the address is taken.
   *
   * @param interval from one moment of the page's history to the next
   */
  public void start(Duration interval) {
    server.start();
    status.start(interval);
  }

  /** The bound port. */
  public int port() {
    return server.port();
  }

  @Override
  public void close() {
    status.close();
    server.stop();
    process.close();
  }

  private static void answer(Context context, Health health) throws Exception {
    context.status(health.up() ? OK : SERVICE_UNAVAILABLE);
    json(context, HealthJson.of(health));
  }

  private static void json(Context context, Object value) throws Exception {
    context.contentType("application/json").result(Json.MAPPER.writeValueAsBytes(value));
  }
}
