package dev.headwater.replay;

import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Masks;
import dev.headwater.metrics.Health;
import dev.headwater.replay.report.Display;
import dev.headwater.replay.report.Progress;
import dev.headwater.replay.report.Tally;
import dev.headwater.replay.traffic.Collector;
import dev.headwater.replay.traffic.Feeder;
import dev.headwater.replay.traffic.LabelledStream;
import dev.headwater.replay.traffic.Labeller;
import dev.headwater.replay.traffic.RunTopics;
import dev.headwater.replay.traffic.Worker;
import dev.headwater.schema.HeadInfo;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of a stream through a deployment. Sends the records, answers label requests and collects
 * the outputs. Ends when every record has an outcome and every delivered label a sample.
 */
final class Session {
  private static final Logger LOG = LoggerFactory.getLogger(Session.class);
  private static final long TICK_MILLIS = 200;

  /** Time to wait for the samples of delivered labels; a label may be invalid and yield none. */
  private static final Duration SAMPLE_TIMEOUT = Duration.ofSeconds(10);

  private final ReplaySettings settings;
  private final LabelledStream stream;
  private final RunTopics topics;
  private final Display display;
  private final Watcher watcher;
  private final CountDownLatch cancelled;
  private final Tally tally;

  /** The deployment under test: scorer and trainer, or a test double. */
  interface Deployment extends AutoCloseable {
    /**
     * Begins to start; {@link #ready} is up once records may be sent.
     *
     * @param abandoned returns true if the caller no longer waits for the start
     */
    void start(BooleanSupplier abandoned) throws Exception;

    Health ready();

    /** Returns the health of all parts: without its trainer, a replay would measure nothing. */
    Health health();

    /** Returns every candidate on the heads topic. */
    List<HeadInfo> candidates();

    @Override
    void close();
  }

  /**
   * @param cancelled counted down by another thread to cancel the replay
   */
  Session(
      ReplaySettings settings,
      LabelledStream stream,
      RunTopics topics,
      Display display,
      CountDownLatch cancelled) {
    this(settings, stream, topics, display, Watcher.NONE, cancelled, Map.of(), Map.of());
  }

  /**
   * @param kinds output type of the ground truth, by task
   * @param masks mask codec of the ground truth, by dense task
   */
  Session(
      ReplaySettings settings,
      LabelledStream stream,
      RunTopics topics,
      Display display,
      Watcher watcher,
      CountDownLatch cancelled,
      Map<String, Kind> kinds,
      Map<String, Masks> masks) {
    this.watcher = watcher;
    this.settings = settings;
    this.stream = stream;
    this.topics = topics;
    this.display = display;
    this.cancelled = cancelled;
    this.tally =
        new Tally(stream.truths(), stream.domains(), kinds, masks, stream::now, System::nanoTime);
  }

  /**
   * Runs the stream to its end. Closes the deployment on success and failure.
   *
   * @return the tally, with every topic read to its end
   * @throws IllegalStateException if the run stalls; the message states what is missing and why
   * @throws InterruptedException if cancelled
   */
  Tally run(Deployment deployment) throws Exception {
    Collector collector = new Collector(topics, tally, settings.dump(), deployment::candidates);
    try (Worker collecting = Worker.start("collector", collector)) {
      try (deployment) {
        StallTimeout timeout = new StallTimeout(settings.stallTimeout());
        deployment.start(() -> cancelled.getCount() == 0 || timeout.isExpired(false));
        awaitReady(deployment);
        replay(deployment, collecting);
      }
      collecting.close(); // reads the records committed on close
      collecting.check();
    }
    display.show(tally.progress());
    return tally;
  }

  private void awaitReady(Deployment deployment) throws InterruptedException {
    StallTimeout timeout = new StallTimeout(settings.stallTimeout());
    for (Health ready = deployment.ready(); !ready.up(); ready = deployment.ready()) {
      if (timeout.isExpired(false)) {
        throw new IllegalStateException(
            "scorer not ready after %d s: %s".formatted(seconds(), ready.cause()));
      }
      tick();
    }
  }

  private void replay(Deployment deployment, Worker collecting) throws InterruptedException {
    Labeller labeller = new Labeller(stream, topics, settings.labelDelay(), tally);
    Feeder feeder = new Feeder(stream, topics, settings.rate(), tally);
    try (Worker labelling = Worker.start("labeller", labeller);
        Worker feeding = Worker.start("feeder", feeder)) {
      Supplier<Progress> progress =
          () -> {
            collecting.check();
            labelling.check();
            feeding.check();
            Progress now = tally.progress();
            watcher.goesOn(now);
            return now;
          };
      awaitOutcomes(deployment, feeder, progress);
      labelling.close(); // a later label cannot change any prediction
      labelling.check();
      awaitSamples(progress);
    }
  }

  private void awaitOutcomes(Deployment deployment, Feeder feeder, Supplier<Progress> progress)
      throws InterruptedException {
    StallTimeout outcomes = new StallTimeout(settings.stallTimeout());
    StallTimeout downtime = new StallTimeout(settings.stallTimeout());
    int seen = -1;
    for (Progress now = progress.get(); !now.complete(); now = progress.get()) {
      display.show(now);
      Health health = deployment.health();
      if (downtime.isExpired(health.up())) {
        throw new IllegalStateException(
            "deployment down for %d s: %s".formatted(seconds(), health.cause()));
      }
      if (outcomes.isExpired(now.outcomes() > seen || now.outcomes() >= feeder.sent())) {
        throw new IllegalStateException(missing(now, feeder, deployment));
      }
      seen = now.outcomes();
      tick();
    }
  }

  private void awaitSamples(Supplier<Progress> progress) throws InterruptedException {
    StallTimeout timeout = new StallTimeout(SAMPLE_TIMEOUT);
    int seen = -1;
    Progress now = progress.get();
    while (now.unsure() + now.audit() < now.labels()) {
      display.show(now);
      if (timeout.isExpired(now.unsure() + now.audit() > seen)) {
        LOG.atWarn()
            .addKeyValue("delivered", now.labels())
            .addKeyValue("samples", now.unsure() + now.audit())
            .log("labels without a sample; see the dead letters for invalid labels");
        return;
      }
      seen = now.unsure() + now.audit();
      tick();
      now = progress.get();
    }
  }

  private String missing(Progress now, Feeder feeder, Deployment deployment) {
    int first = tally.firstMissing();
    return ("no prediction or dead letter for %d s: %,d of %,d records have no outcome, %,d were"
            + " sent; first missing record: index %d (from 0), id %s, at %s; scorer: %s. If the"
            + " scorer is up, check its log for a record that is retried repeatedly")
        .formatted(
            seconds(),
            now.records() - now.outcomes(),
            now.records(),
            feeder.sent(),
            first,
            stream.recordId(first),
            topics.sourceOf(first),
            deployment.ready().cause());
  }

  private void tick() throws InterruptedException {
    if (cancelled.await(TICK_MILLIS, TimeUnit.MILLISECONDS)) {
      throw new InterruptedException("the replay was cancelled");
    }
  }

  private long seconds() {
    return settings.stallTimeout().toSeconds();
  }

  /** A timeout since the last progress; it starts with the first call. */
  private static final class StallTimeout {
    private final long limit;
    private long lastProgress;
    private boolean started;

    StallTimeout(Duration limit) {
      this.limit = limit.toNanos();
    }

    boolean isExpired(boolean progressed) {
      if (progressed || !started) {
        lastProgress = System.nanoTime();
        started = true;
      }
      return System.nanoTime() - lastProgress > limit;
    }
  }
}
