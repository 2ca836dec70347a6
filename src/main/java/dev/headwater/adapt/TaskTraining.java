package dev.headwater.adapt;

import dev.headwater.bundle.Task;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One task's part in a trainer's session: its memory, the head it starts from, its candidates. */
final class TaskTraining {
  private static final Logger log = LoggerFactory.getLogger(TaskTraining.class);
  static final String WRITER = "trainer";

  private final Task task;
  private final Learner learner;
  private final HeadPublisher publisher;
  private final TrainerMetrics metrics;
  private long live = -1;

  TaskTraining(Task task, Learner learner, HeadPublisher publisher, TrainerMetrics metrics) {
    this.task = task;
    this.learner = learner;
    this.publisher = publisher;
    this.metrics = metrics;
  }

  /**
   * Follows the live head. The bundle's own goes on the topic once, so that there is a way back.
   */
  void begin() {
    HeadLog heads = publisher.read();
    if (task.head().isPresent() && heads.versions(task.name()).isEmpty()) {
      publisher.promote(task.head().get(), WRITER);
      heads = publisher.read();
    }
    follow(liveHead(heads));
  }

  void take(SampleFeed.Arrival arrival) {
    if (learner.add(arrival.sample(), arrival.partition(), arrival.offset())) {
      metrics.sampled(task.name(), learner.memorySize());
    }
  }

  /** For the health of the trainer. */
  String state() {
    return "%s: %d samples in memory, head %d is live"
        .formatted(task.name(), learner.memorySize(), live);
  }

  /** Trains, has the candidate judged and publishes it, if that is due. */
  void trainIfDue() {
    learner.due().ifPresent(this::train);
  }

  private void train(String trigger) {
    HeadLog heads = publisher.read();
    if (liveVersion(heads) != live) {
      follow(liveHead(heads)); // somebody rolled back
    }
    long start = System.nanoTime();
    Head candidate = learner.train(trigger, heads.nextVersion(task.name()));
    HeadInfo info = candidate.info();
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    metrics.trained(info.task(), took);
    metrics.judged(info.task(), info.verdict().accepted());
    if (liveVersion(publisher.read()) != live) {
      log.atInfo()
          .addKeyValue("task", info.task())
          .addKeyValue("parent", live)
          .log("candidate dropped: the live head was changed while it was trained");
      return;
    }
    publish(candidate);
    log.atInfo()
        .addKeyValue("task", info.task())
        .addKeyValue("version", info.version())
        .addKeyValue("accepted", info.verdict().accepted())
        .addKeyValue("judged", info.verdict().judged())
        .addKeyValue("trainedMs", took.toMillis())
        .addKeyValue("reason", info.verdict().reason())
        .log("candidate judged");
  }

  private void publish(Head candidate) {
    HeadInfo info = candidate.info();
    if (!info.verdict().accepted()) {
      publisher.refuse(info);
      return;
    }
    LivePointer pointer = publisher.promote(candidate, WRITER);
    if (pointer.version() == info.version()) {
      follow(Optional.of(candidate));
    }
  }

  private Optional<Head> liveHead(HeadLog heads) {
    return heads
        .live(task.name())
        .flatMap(pointer -> heads.head(pointer.task(), pointer.version()))
        .or(task::head);
  }

  private long liveVersion(HeadLog heads) {
    return liveHead(heads).map(head -> head.info().version()).orElse(-1L);
  }

  private void follow(Optional<Head> head) {
    live = head.map(h -> h.info().version()).orElse(-1L);
    head.ifPresent(learner::live);
  }
}
