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
 * One stream through what is deployed between the topics: feeds it, labels what asks, collects what
 * comes out, and ends when every record has its outcome and every delivered label its sample.
 */
final class Session {
  private static final Logger LOG = LoggerFactory.getLogger(Session.class);
  private static final long TICK_MILLIS = 200;

  /** A label that has no sample by then has been refused, or was lost. */
  private static final Duration SETTLE = Duration.ofSeconds(10);

  private final ReplaySettings settings;
  private final LabelledStream stream;
  private final RunTopics topics;
  private final Display display;
  private final Watcher watcher;
  private final CountDownLatch cancelled;
  private final Tally tally;

  /** What stands between the topics: scorer and trainer, or whatever a test puts there. */
  interface Deployment extends AutoCloseable {
    /**
     * Begins to start; {@link #ready} tells when records may come.
     *
     * @param abandoned whether nobody waits for it any more
     */
    void start(BooleanSupplier abandoned) throws Exception;

    Health ready();

    /** Whether it can go on; a replay whose trainer is gone would report on nothing. */
    Health health();

    /** Every head version on the heads topic. */
    List<HeadInfo> candidates();

    @Override
    void close();
  }

  /**
   * @param cancelled counted down by whoever wants the replay to end before its time
   */
  Session(
      ReplaySettings settings,
      LabelledStream stream,
      RunTopics topics,
      Display display,
      CountDownLatch cancelled) {
    this(settings, stream, topics, display, Watcher.NOBODY, cancelled, Map.of(), Map.of());
  }

  /**
   * @param kinds by task, of its truths
   * @param masks by dense task, how to read its truths
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
   * Runs to the end and closes the deployment, whatever happens.
   *
   * @return everything that was counted, up to the end of every topic
   * @throws IllegalStateException if no progress is made any more: says what is missing and why
   * @throws InterruptedException if cancelled
   */
  Tally run(Deployment deployment) throws Exception {
    Collector collector = new Collector(topics, tally, settings.dump(), deployment::candidates);
    try (Worker collecting = Worker.start("collector", collector)) {
      try (deployment) {
        Patience patience = new Patience(settings.stallTimeout());
        deployment.start(() -> cancelled.getCount() == 0 || patience.isLost(false));
        awaitReady(deployment);
        replay(deployment, collecting);
      }
      collecting.close(); // reads to the end of what the closing left behind
      collecting.check();
    }
    display.show(tally.progress());
    return tally;
  }

  private void awaitReady(Deployment deployment) throws InterruptedException {
    Patience patience = new Patience(settings.stallTimeout());
    for (Health ready = deployment.ready(); !ready.up(); ready = deployment.ready()) {
      if (patience.isLost(false)) {
        throw new IllegalStateException(
            "the scorer is not ready after " + seconds() + " s: " + ready.cause());
      }
      tick();
    }
  }

  private void replay(Deployment deployment, Worker collecting) throws InterruptedException {
    Labeller labeller = new Labeller(stream, topics, settings.labelDelay(), tally);
    Feeder feeder = new Feeder(stream, topics, settings.rate(), tally);
    try (Worker labelling = Worker.start("labeller", labeller);
        Worker feeding = Worker.start("feeder", feeder)) {
      Supplier<Progress> watch =
          () -> {
            collecting.check();
            labelling.check();
            feeding.check();
            Progress now = tally.progress();
            watcher.goesOn(now);
            return now;
          };
      awaitOutcomes(deployment, feeder, watch);
      labelling.close(); // a label that comes now could change no prediction any more
      labelling.check();
      awaitSamples(watch);
    }
  }

  private void awaitOutcomes(Deployment deployment, Feeder feeder, Supplier<Progress> watch)
      throws InterruptedException {
    Patience records = new Patience(settings.stallTimeout());
    Patience parts = new Patience(settings.stallTimeout());
    int seen = -1;
    for (Progress now = watch.get(); !now.complete(); now = watch.get()) {
      display.show(now);
      Health health = deployment.health();
      if (parts.isLost(health.up())) {
        throw new IllegalStateException("down for " + seconds() + " s: " + health.cause());
      }
      if (records.isLost(now.outcomes() > seen || now.outcomes() >= feeder.sent())) {
        throw new IllegalStateException(missing(now, feeder, deployment));
      }
      seen = now.outcomes();
      tick();
    }
  }

  private void awaitSamples(Supplier<Progress> watch) throws InterruptedException {
    Patience patience = new Patience(SETTLE);
    int seen = -1;
    Progress now = watch.get();
    while (now.unsure() + now.audit() < now.labels()) {
      display.show(now);
      if (patience.isLost(now.unsure() + now.audit() > seen)) {
        LOG.atWarn()
            .addKeyValue("delivered", now.labels())
            .addKeyValue("samples", now.unsure() + now.audit())
            .log("labels without a sample: see the dead letters for labels that were refused");
        return;
      }
      seen = now.unsure() + now.audit();
      tick();
      now = watch.get();
    }
  }

  private String missing(Progress now, Feeder feeder, Deployment deployment) {
    int first = tally.firstMissing();
    return "no record was predicted or dead-lettered for %d s: %,d of %,d have no outcome, %,d were sent; the first missing one is record %d (from 0), id %s, at %s. Scorer: %s. If it is up, look in its log for a record that is tried again and again"
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

  /** How long something may go on not being fine, from when it is first asked. */
  private static final class Patience {
    private final long limit;
    private long lastFine;
    private boolean asked;

    Patience(Duration limit) {
      this.limit = limit.toNanos();
    }

    boolean isLost(boolean fine) {
      if (fine || !asked) {
        lastFine = System.nanoTime();
        asked = true;
      }
      return System.nanoTime() - lastFine > limit;
    }
  }
}
