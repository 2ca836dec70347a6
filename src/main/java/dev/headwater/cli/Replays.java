package dev.headwater.cli;

import dev.headwater.adapt.drift.DriftMonitor;
import dev.headwater.bundle.Bundle;
import dev.headwater.config.Settings;
import dev.headwater.http.HttpServer;
import dev.headwater.http.HttpSettings;
import dev.headwater.http.MicrometerScorerMetrics;
import dev.headwater.http.MicrometerTrainerMetrics;
import dev.headwater.http.Status;
import dev.headwater.http.StatusPage;
import dev.headwater.metrics.Health;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.replay.Pipeline;
import dev.headwater.replay.Replay;
import dev.headwater.replay.Watcher;
import dev.headwater.replay.recorded.Bound;
import dev.headwater.replay.recorded.RecordedStream;
import dev.headwater.replay.report.Display;
import dev.headwater.replay.report.Progress;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.schema.HeadInfo;
import dev.headwater.stream.StreamService;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Runs a replay in the terminal until it ends or is interrupted, and shows its progress on a status
 * page.
 */
final class Replays {
  private static final Duration INTERVAL = Duration.ofSeconds(1);

  private final Settings settings;
  private final Display display = Display.standard();

  Replays(Settings settings) {
    this.settings = settings;
  }

  /** Replays the configured file. */
  void run() throws Exception {
    if (settings.replay().stream().isEmpty()) {
      throw new UsageException("no stream to replay: set replay.stream, --stream or --from-topic");
    }
    run(settings.loadBundle(), Replay::run);
  }

  /** Replays a range of the records topics of the deployment. */
  void run(Bound from, Bound until) throws Exception {
    Bundle bundle = settings.loadBundle();
    Path values = Files.createTempFile("headwater-records-", ".bin");
    try {
      values.toFile().deleteOnExit(); // for Ctrl-C while it is written
      display.step("reading records and labels");
      RecordedStream recorded =
          RecordedStream.read(ConfigOption.recorded(settings), bundle, from, until, values);
      display.step(
          ("%,d records, %,d of them with a label from the samples or labels topic; the other"
                  + " records use their inline label, if any")
              .formatted(recorded.size(), recorded.labelled()));
      run(bundle, (replay, signalled) -> replay.run(recorded, signalled));
    } finally {
      Files.deleteIfExists(values);
    }
  }

  private interface ReplayRun {
    ReplayReport run(Replay replay, CountDownLatch signalled) throws Exception;
  }

  private void run(Bundle bundle, ReplayRun replayRun) throws Exception {
    Pipeline pipeline =
        new Pipeline(
            bundle,
            settings.topicSettings(),
            settings.stream(),
            settings.scoring(),
            settings.adapt(),
            settings.gates(bundle),
            settings.history(),
            settings.kafka());
    Lifetime.untilSignalled(
        signalled -> {
          try {
            run(bundle, pipeline, replayRun, signalled);
          } catch (InterruptedException e) {
            System.err.println("interrupted before the end of the stream: no report written");
          }
        });
  }

  private void run(Bundle bundle, Pipeline pipeline, ReplayRun replayRun, CountDownLatch signalled)
      throws Exception {
    Monitor monitor = new Monitor(bundle);
    Status status =
        Pages.status(
            settings,
            bundle,
            monitor.registry,
            "replay",
            monitor::ready,
            monitor::heads,
            Optional.empty());
    // any free port: other replays or a scorer may use the configured one
    HttpSettings anyPort = new HttpSettings(settings.scorerHttp().host(), 0);
    try (HttpServer http =
        new HttpServer(anyPort, monitor.registry, monitor::ready, monitor::ready, status)) {
      http.start(INTERVAL);
      display.step("status page: http://%s:%d/".formatted(anyPort.host(), http.port()));
      ReplayReport report =
          replayRun.run(new Replay(settings.replay(), pipeline, display, monitor), signalled);
      if (settings.html().isPresent()) {
        Path page = settings.html().get();
        StatusPage.write(page, status, report);
        display.step("page      " + page);
      }
    }
  }

  /** The metrics of scorer and trainer, and the progress of the replay, in one registry. */
  private static final class Monitor implements Watcher {
    private final PrometheusMeterRegistry registry =
        new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final ScorerMetrics scorerMetrics;
    private final TrainerMetrics trainerMetrics;
    private volatile @Nullable StreamService scorer;
    private volatile @Nullable Progress latest;

    Monitor(Bundle bundle) {
      scorerMetrics = new MicrometerScorerMetrics(registry, bundle.taskNames());
      trainerMetrics =
          new MicrometerTrainerMetrics(registry, bundle.taskNames(), DriftMonitor.CAUSES);
      for (String task : bundle.taskNames()) {
        accuracy(task, "adaptive", Progress.Rolling::adaptive);
        accuracy(task, "frozen", Progress.Rolling::frozen);
      }
    }

    private void accuracy(
        String task, String head, Function<Progress.Rolling, @Nullable Double> of) {
      Gauge.builder("headwater.replay.accuracy", this, monitor -> monitor.rollingAccuracy(task, of))
          .description("Accuracy over the latest records with known ground truth")
          .baseUnit("ratio")
          .tag("task", task)
          .tag("head", head)
          .register(registry);
    }

    private double rollingAccuracy(String task, Function<Progress.Rolling, @Nullable Double> of) {
      Progress now = latest;
      Progress.Rolling rolling = now == null ? null : now.tasks().get(task);
      Double value = rolling == null ? null : of.apply(rolling);
      return value == null ? Double.NaN : value;
    }

    @Override
    public ScorerMetrics scorer() {
      return scorerMetrics;
    }

    @Override
    public TrainerMetrics trainer() {
      return trainerMetrics;
    }

    @Override
    public void deployed(StreamService service) {
      service.bindTo(registry);
      scorer = service;
    }

    @Override
    public void goesOn(Progress now) {
      latest = now;
    }

    Health ready() {
      StreamService service = scorer;
      return service == null ? Health.down("replay is starting") : service.ready();
    }

    List<HeadInfo> heads() {
      StreamService service = scorer;
      return service == null ? List.of() : service.heads();
    }
  }
}
