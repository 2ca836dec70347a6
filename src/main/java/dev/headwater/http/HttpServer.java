package dev.headwater.http;

import dev.headwater.metrics.Health;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.Map;
import java.util.function.Supplier;

/**
 * {@code /metrics} in the Prometheus text format, {@code /health/live} and {@code /health/ready} as
 * JSON {@code {"up": boolean, "cause": string}} with status 200 or 503. Nothing can be changed
 * through it: see {@link ReadOnly}.
 */
public final class HttpServer implements AutoCloseable {
  /** Prometheus text exposition format 0.0.4. */
  private static final String PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

  private static final int SERVICE_UNAVAILABLE = 503;

  private final Javalin server;

  public HttpServer(
      HttpSettings settings,
      PrometheusMeterRegistry registry,
      Supplier<Health> live,
      Supplier<Health> ready) {
    this.server =
        Javalin.create(
            config -> {
              config.startup.showJavalinBanner = false;
              ReadOnly.harden(config, settings);
              config.routes.get(
                  "/metrics",
                  context -> context.contentType(PROMETHEUS_TEXT).result(registry.scrape()));
              config.routes.get("/health/live", context -> answer(context, live.get()));
              config.routes.get("/health/ready", context -> answer(context, ready.get()));
            });
  }

  /** Binds; throws if the address is taken. */
  public void start() {
    server.start();
  }

  /** The bound port. */
  public int port() {
    return server.port();
  }

  @Override
  public void close() {
    server.stop();
  }

  private static void answer(Context context, Health health) {
    context
        .status(health.up() ? 200 : SERVICE_UNAVAILABLE)
        .json(Map.of("up", health.up(), "cause", health.cause()));
  }
}
