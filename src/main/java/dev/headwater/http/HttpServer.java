package dev.headwater.http;

import dev.headwater.metrics.Health;
import dev.headwater.schema.Json;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * Serves metrics, health and the status page, read-only (see {@link ReadOnly}):
 *
 * <ul>
 *   <li>{@code /metrics}: Prometheus text format
 *   <li>{@code /health/live} and {@code /health/ready}: JSON {@code {"up": boolean, "cause":
 *       string, "parts": {name: nested health}}} with status 200 or 503
 *   <li>{@code /}: the status page; {@code /status.json}: its data; {@code /status/latest.json}:
 *       the latest values
 * </ul>
 */
public final class HttpServer implements AutoCloseable {
  /** Prometheus text exposition format 0.0.4. */
  private static final String PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

  /** The page is self-contained: it fetches data from this server only. */
  private static final String PAGE_POLICY =
      "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:;"
          + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  static final String LATEST = "/status/latest.json";
  static final int OK = 200;
  private static final int SERVICE_UNAVAILABLE = 503;

  private final Status status;
  private final Javalin server;
  private final ProcessMeters process;

  /**
   * @param status the status page's data; closed together with the server
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
                  "/",
                  context -> context.header("Content-Security-Policy", PAGE_POLICY).html(page));
              config.routes.get("/status.json", context -> json(context, status.now()));
              config.routes.get(LATEST, context -> json(context, status.latest()));
              config.routes.get(
                  "/metrics",
                  context -> context.contentType(PROMETHEUS_TEXT).result(registry.scrape()));
              config.routes.get("/health/live", context -> respond(context, live.get()));
              config.routes.get("/health/ready", context -> respond(context, ready.get()));
            });
  }

  /**
   * Binds the port and starts recording the history of the status page; throws if the address is in
   * use.
   *
   * @param interval time between two points of the history
   */
  public void start(Duration interval) {
    server.start();
    status.start(interval);
  }

  /** Returns the bound port. */
  public int port() {
    return server.port();
  }

  @Override
  public void close() {
    status.close();
    server.stop();
    process.close();
  }

  private static void respond(Context context, Health health) throws Exception {
    context.status(health.up() ? OK : SERVICE_UNAVAILABLE);
    json(context, HealthJson.of(health));
  }

  private static void json(Context context, Object value) throws Exception {
    context.contentType("application/json").result(Json.MAPPER.writeValueAsBytes(value));
  }
}
