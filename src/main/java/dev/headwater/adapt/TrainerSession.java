package dev.headwater.adapt;

import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.Steps;
import dev.headwater.adapt.fit.TailTuner;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Task;
import dev.headwater.gate.Gate;
import dev.headwater.gate.Gates;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.metrics.Health;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.onnx.OnnxException;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Topics;
import dev.headwater.tail.Tail;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.common.errors.RetriableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One session of the trainer: rebuilds the replay memory, then trains until it is stopped. */
final class TrainerSession implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TrainerSession.class);
  private static final Duration REFRESH_INTERVAL = Duration.ofSeconds(2);

  /**
   * The components of a session.
   *
   * @param gates one per task
   * @param fitters one per task
   */
  record Parts(
      AdaptSettings settings,
      List<Gate> gates,
      Bundle bundle,
      List<Fitter> fitters,
      Topics topics,
      Map<String, Object> kafka,
      TrainerMetrics metrics,
      Clock clock) {

    /**
     * @throws IllegalArgumentException if the device is not available, or a head cannot be trained
     * @throws IllegalStateException if heads must be signed and no key is configured
     */
    static Parts of(
        AdaptSettings settings,
        Gates gates,
        Bundle bundle,
        Topics topics,
        Map<String, Object> kafka,
        TrainerMetrics metrics,
        Clock clock) {
      settings.heads().signatures().requireKey();
      List<Fitter> fitters =
          bundle.tasks().stream().map(task -> fitter(task, settings.fit(), metrics)).toList();
      warnOfUnaligned(settings, bundle, fitters);
      return new Parts(
          settings,
          bundle.tasks().stream().map(task -> new Gate(gates.of(task.name()))).toList(),
          bundle,
          fitters,
          topics,
          Map.copyOf(kafka),
          metrics,
          clock);
    }

    private static void warnOfUnaligned(
        AdaptSettings settings, Bundle bundle, List<Fitter> fitters) {
      for (int i = 0; settings.alignUnlabelled() && i < fitters.size(); i++) {
        Task task = bundle.tasks().get(i);
        if (Realignment.fitter(settings, task.kind(), fitters.get(i)).isEmpty()) {
          log.atWarn()
              .addKeyValue("task", task.name())
              .log("adapt.align-unlabelled has no effect: it requires a linear single-label head");
        }
      }
    }

    private static Fitter fitter(Task task, FitSettings settings, TrainerMetrics metrics) {
      Steps steps = (step, limit, loss) -> metrics.stepped(task.name(), step, limit, loss);
      if (task.linear()) {
        HeadLayout layout = HeadLayout.of(task);
        return new LinearFitter(layout, new FineTuner(settings, layout.biased(), steps));
      }
      if (task.subclasses() > 1) {
        return new SubclassFitter(task, new FineTuner(settings, true, steps));
      }
      try {
        Tail tail = Tail.of(task.split());
        return new TailFitter(
            task, new TailTuner(tail, task.split(), task.rowShapes(), settings, steps));
      } catch (OnnxException e) {
        throw new IllegalArgumentException("task " + task.name() + ": " + e.getMessage(), e);
      }
    }

    Learner learner(int task) {
      return new Learner(
          Space.of(bundle.tasks().get(task), unlabelledSource(task)),
          settings,
          gates.get(task),
          fitters.get(task),
          clock);
    }

    private Task unlabelledSource(int task) {
      return bundle.unlabelledSource(bundle.tasks().get(task));
    }

    TaskTraining training(int task, HeadPublisher publisher) {
      return new TaskTraining(
          bundle.tasks().get(task),
          unlabelledSource(task),
          learner(task),
          fitters.get(task),
          gates.get(task),
          publisher,
          settings,
          metrics,
          clock);
    }

    HeadPublisher publisher() {
      return new HeadPublisher(kafka, topics.heads(), settings.transactionalId(), settings.heads());
    }
  }

  private final Parts parts;
  private final HeadPublisher publisher;
  private final SampleFeed feed;
  private final List<TaskTraining> tasks;
  private Instant refreshedAt = Instant.EPOCH;

  /**
   * @param publisher left open
   */
  TrainerSession(Parts parts, HeadPublisher publisher) {
    this.parts = parts;
    this.publisher = publisher;
    this.feed = new SampleFeed(parts.kafka(), parts.topics().samples());
    this.tasks =
        IntStream.range(0, parts.bundle().tasks().size())
            .mapToObj(task -> parts.training(task, publisher))
            .toList();
  }

  void run(BooleanSupplier running, Consumer<Health> health, Consumer<List<HeadInfo>> versions) {
    health.accept(
        Health.down("rebuilding the replay memory from " + parts.topics().samples().name()));
    tasks.forEach(TaskTraining::begin);
    Map<Integer, Long> ends = feed.history(this::add);
    tasks.forEach(task -> task.caughtUp(ends));
    log.atInfo().addKeyValue("state", status()).log("training started");
    while (running.getAsBoolean()) {
      health.accept(
          feed.answered()
              ? Health.up(status())
              : Health.down("broker unreachable, retrying; " + status()));
      versions.accept(tasks.stream().flatMap(t -> t.versions().stream()).toList());
      refreshIfDue();
      ingest(feed.poll());
      parts.metrics().lag(feed.lag());
      tasks.forEach(TaskTraining::withdrawIfWorse);
      tasks.forEach(TaskTraining::trainIfDue);
      tasks.forEach(TaskTraining::realignIfDue);
    }
  }

  /**
   * Reads the heads topic regularly. Training reads it anyway; without training, the rollback check
   * would use an outdated live head.
   */
  private void refreshIfDue() {
    if (!feed.answered() || Instant.now().isBefore(refreshedAt.plus(REFRESH_INTERVAL))) {
      return;
    }
    try {
      HeadLog heads = publisher.read();
      tasks.forEach(task -> task.catchUp(heads));
    } catch (RetriableException e) {
      // nothing is lost while the broker is unreachable: the samples topic is not read either
      log.atDebug().setCause(e).log("broker unreachable; retrying");
    }
    refreshedAt = Instant.now();
  }

  /** Adds the samples. The duration is a metric, because training waits for it. */
  private void ingest(List<SampleFeed.Arrival> arrivals) {
    if (!arrivals.isEmpty()) {
      long start = System.nanoTime();
      arrivals.forEach(this::add);
      parts.metrics().tookIn(Duration.ofNanos(System.nanoTime() - start));
    }
  }

  private void add(SampleFeed.Arrival arrival) {
    Sample sample = arrival.sample();
    if (sample == null) {
      tasks.forEach(task -> task.erase(arrival.recordId()));
      return;
    }
    // a task may use the unlabelled samples of another task
    tasks.forEach(task -> task.take(sample, arrival.partition(), arrival.offset()));
  }

  private String status() {
    return tasks.stream().map(TaskTraining::state).collect(Collectors.joining("; "));
  }

  @Override
  public void close() {
    feed.close();
  }
}
