package dev.headwater.http;

import dev.headwater.metrics.Health;
import io.javalin.Javalin;
import io.javalin.http.Context;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/**
 * {@code /metrics} in the Prometheus text format, {@code /health/live} and {@code /health/ready} as
 * JSON {@code {"up": boolean, "cause": string, "parts": {name: the same}}} with status 200 or 503.
 * Nothing can be changed through it.
 */
public final class HttpServer implements AutoCloseable {
  /** Prometheus text exposition format 0.0.4. */
  private static final String PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

  private static final int SERVICE_UNAVAILABLE = 503;

  private final HttpSettings settings;
  private final Javalin server;
  private final ProcessMeters process;

  public HttpServer(
      HttpSettings settings,
      PrometheusMeterRegistry registry,
      Supplier<Health> live,
      Supplier<Health> ready) {
    this.settings = settings;
    this.process = new ProcessMeters(registry, live, ready);
    this.server =
        Javalin.create(
            config -> {
              config.startup.showJavalinBanner = false;
              config.routes.get(
                  "/metrics",
                  context -> context.contentType(PROMETHEUS_TEXT).result(registry.scrape()));
              config.routes.get("/health/live", context -> answer(context, live.get()));
              config.routes.get("/health/ready", context -> answer(context, ready.get()));
            });
  }

  /** Binds; throws if the address is taken. */
  public void start() {
    server.start(settings.host(), settings.port());
  }

  /** The bound port. */
  public int port() {
    return server.port();
  }

  @Override
  public void close() {
    server.stop();
    process.close();
  }

  private static void answer(Context context, Health health) {
    context.status(health.up() ? 200 : SERVICE_UNAVAILABLE).json(json(health));
  }

  private static Map<String, Object> json(Health health) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("up", health.up());
    json.put("cause", health.cause());
    if (!health.parts().isEmpty()) {
      Map<String, Object> parts = new LinkedHashMap<>();
      health.parts().forEach((name, part) -> parts.put(name, json(part)));
      json.put("parts", parts);
    }
    return json;
  }
}
