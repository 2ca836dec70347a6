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

/** A trainer's work while its broker answers: rebuild the memory, then learn until told to stop. */
final class TrainerSession implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TrainerSession.class);
  private static final Duration LOOK = Duration.ofSeconds(2);

  /**
   * What a session is made of.
   *
   * @param gates by task
   * @param fitters likewise
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
     * @throws IllegalArgumentException where the device is not there, or a head cannot be trained
     * @throws IllegalStateException where heads have to be signed and there is no key
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
              .log(
                  "adapt.align-unlabelled does nothing: only a linear head of one label can follow without labels");
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
          Space.of(bundle.tasks().get(task), drawer(task)),
          settings,
          gates.get(task),
          fitters.get(task),
          clock);
    }

    private Task drawer(int task) {
      return bundle.drawer(bundle.tasks().get(task));
    }

    TaskTraining training(int task, HeadPublisher publisher) {
      return new TaskTraining(
          bundle.tasks().get(task),
          drawer(task),
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
  private Instant looked = Instant.EPOCH;

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
        Health.down("the memory is being rebuilt from " + parts.topics().samples().name()));
    tasks.forEach(TaskTraining::begin);
    Map<Integer, Long> ends = feed.history(this::take);
    tasks.forEach(task -> task.caughtUp(ends));
    log.atInfo().addKeyValue("state", state()).log("training started");
    while (running.getAsBoolean()) {
      health.accept(
          feed.answered()
              ? Health.up(state())
              : Health.down("the broker does not answer; " + state()));
      versions.accept(tasks.stream().flatMap(t -> t.versions().stream()).toList());
      lookIfDue();
      takeIn(feed.poll());
      parts.metrics().lag(feed.lag());
      tasks.forEach(TaskTraining::withdrawIfWorse);
      tasks.forEach(TaskTraining::trainIfDue);
      tasks.forEach(TaskTraining::realignIfDue);
    }
  }

  /** Who trains looks by itself; who only judges would go by what others have changed since. */
  private void lookIfDue() {
    if (!feed.answered() || Instant.now().isBefore(looked.plus(LOOK))) {
      return;
    }
    try {
      HeadLog heads = publisher.read();
      tasks.forEach(task -> task.catchUp(heads));
    } catch (RetriableException e) {
      // nothing is lost till it answers, and knows its topics: samples are waited for as well
      log.atDebug().setCause(e).log("the broker does not answer");
    }
    looked = Instant.now();
  }

  /** Measured: while it lasts nothing is trained, however much there is to learn. */
  private void takeIn(List<SampleFeed.Arrival> arrivals) {
    if (!arrivals.isEmpty()) {
      long start = System.nanoTime();
      arrivals.forEach(this::take);
      parts.metrics().tookIn(Duration.ofNanos(System.nanoTime() - start));
    }
  }

  private void take(SampleFeed.Arrival arrival) {
    Sample sample = arrival.sample();
    if (sample == null) {
      tasks.forEach(task -> task.erase(arrival.recordId()));
      return;
    }
    // draws of one task are another's too
    tasks.forEach(task -> task.take(sample, arrival.partition(), arrival.offset()));
  }

  private String state() {
    return tasks.stream().map(TaskTraining::state).collect(Collectors.joining("; "));
  }

  @Override
  public void close() {
    feed.close();
  }
}
