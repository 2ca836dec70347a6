package dev.headwater.cli;

import dev.headwater.bundle.Bundle;
import dev.headwater.config.Settings;
import dev.headwater.http.HttpServer;
import dev.headwater.http.MicrometerScorerMetrics;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.stream.StreamService;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    description =
        "Runs the scorer: scores records, requests labels and installs new heads as they are"
            + " published.")
final class ServeCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(ServeCommand.class);

  @Mixin private ConfigOption config;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  ServeCommand() {}

  @Override
  public Integer call() throws Exception {
    Settings settings = config.load();
    Bundle bundle = settings.loadBundle();
    TopicsCommand.warn(settings);
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    Lifetime.untilSignalled(
        signalled -> {
          try (StreamService service =
                  service(
                      settings, bundle, new MicrometerScorerMetrics(registry, bundle.taskNames()));
              HttpServer http =
                  new HttpServer(
                      settings.scorerHttp(),
                      registry,
                      service::live,
                      service::ready,
                      Pages.status(
                          settings,
                          bundle,
                          registry,
                          "scorer",
                          service::ready,
                          service::heads,
                          settings.trainerPage()))) {
            service.bindTo(registry);
            http.start(Pages.INTERVAL);
            service.start(() -> signalled.getCount() == 0);
            signalled.await();
            service.close(); // commits the records in progress, so that the counts are final
            log.atInfo()
                .addKeyValue("received", count(registry, "received"))
                .addKeyValue("predicted", count(registry, "predicted"))
                .addKeyValue("dead-lettered", count(registry, "dead.lettered"))
                .log("scorer stopped");
          }
        });
    return 0;
  }

  private static long count(MeterRegistry registry, String records) {
    return (long) registry.get("headwater.records." + records).counter().count();
  }

  /** Creates the scorer of the settings, not started. */
  static StreamService service(Settings settings, Bundle bundle, ScorerMetrics metrics) {
    return new StreamService(
        settings.stream(),
        bundle,
        settings.scoring(),
        settings.topics(),
        settings.kafka(),
        settings.heads().signatures(),
        metrics);
  }
}
