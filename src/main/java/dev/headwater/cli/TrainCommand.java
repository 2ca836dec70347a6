package dev.headwater.cli;

import dev.headwater.adapt.History;
import dev.headwater.adapt.Trainer;
import dev.headwater.adapt.drift.DriftMonitor;
import dev.headwater.bundle.Bundle;
import dev.headwater.config.Settings;
import dev.headwater.http.HttpServer;
import dev.headwater.http.MicrometerTrainerMetrics;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.HeadInfo;
import dev.headwater.scoring.Scoring;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
    name = "train",
    mixinStandardHelpOptions = true,
    description = {
      "Runs the trainer: fine-tunes heads on the samples topic, evaluates them and publishes the"
          + " accepted ones.",
      "With --from, trains one head per task from labelled history, seeds the memory with it, and"
          + " exits. Stop a running trainer first: it would be fenced and could no longer publish"
          + " heads."
    })
final class TrainCommand implements Callable<Integer> {
  @Mixin private ConfigOption config;

  @Spec private CommandSpec spec;

  @Option(
      names = "--from",
      paramLabel = "FILE",
      description =
          "Labelled records, JSONL. Each line is a record with its label in the first field of"
              + " replay.truth-fields (default: 'label').")
  private @Nullable Path history;

  @SuppressWarnings("NullAway.Init") // picocli sets the fields
  TrainCommand() {}

  @Override
  public Integer call() throws Exception {
    Settings settings = config.load();
    settings.requireSigningKey();
    Bundle bundle = settings.loadBundle();
    if (history != null) {
      trainFromHistory(settings, bundle, history);
      return 0;
    }
    TopicsCommand.warn(settings);
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    Lifetime.untilSignalled(
        signalled -> {
          try (Trainer trainer =
                  new Trainer(
                      settings.adapt(),
                      settings.gates(bundle),
                      bundle,
                      settings.topics(),
                      settings.kafka(),
                      new MicrometerTrainerMetrics(
                          registry, bundle.taskNames(), DriftMonitor.CAUSES),
                      Clock.systemUTC());
              HttpServer http =
                  new HttpServer(
                      settings.trainerHttp(),
                      registry,
                      trainer::live,
                      trainer::health,
                      Pages.status(
                          settings,
                          bundle,
                          registry,
                          "trainer",
                          trainer::health,
                          trainer::heads,
                          Optional.empty()))) {
            http.start(Pages.INTERVAL);
            trainer.start();
            signalled.await();
          }
        });
    return 0;
  }

  private void trainFromHistory(Settings settings, Bundle bundle, Path file) throws IOException {
    try (Scoring scoring = Scoring.load(bundle, settings.scoring(), ScorerMetrics.NOOP)) {
      List<HeadInfo> heads =
          new History(
                  settings.adapt(),
                  settings.gates(bundle),
                  bundle,
                  scoring,
                  settings.topics(),
                  settings.kafka(),
                  Clock.systemUTC(),
                  spec.commandLine().getErr()::println)
              .train(file, settings.replay().labelFields(bundle.tasks()));
      for (HeadInfo head : heads) {
        spec.commandLine().getOut().println(History.describe(head));
      }
    }
  }
}
