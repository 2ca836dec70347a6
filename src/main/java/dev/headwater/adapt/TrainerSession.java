package dev.headwater.adapt;

import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.bundle.Bundle;
import dev.headwater.gate.Gate;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.metrics.Health;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Topics;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A trainer's work over one connection: rebuild the memory, then learn until told to stop. */
final class TrainerSession implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TrainerSession.class);
  private static final String WRITER = "trainer";

  /** What a session is made of. */
  record Parts(
      AdaptSettings settings,
      Gate gate,
      FineTuner tuner,
      Learner.Space space,
      Bundle bundle,
      Topics topics,
      Map<String, Object> kafka,
      TrainerMetrics metrics,
      Clock clock) {

    Learner learner() {
      return new Learner(space, settings, gate, tuner, clock);
    }

    HeadPublisher publisher() {
      return new HeadPublisher(kafka, topics.heads(), settings.transactionalId(), settings.heads());
    }
  }

  private final Parts parts;
  private final Learner learner;
  private final HeadPublisher publisher;
  private final SampleFeed feed;
  private long live = -1;

  TrainerSession(Parts parts) {
    this.parts = parts;
    this.learner = parts.learner();
    this.publisher = parts.publisher();
    this.feed = new SampleFeed(parts.kafka(), parts.topics().samples());
  }

  void run(BooleanSupplier running, Consumer<Health> health) {
    health.accept(
        Health.down("the memory is being rebuilt from " + parts.topics().samples().name()));
    rebuild(publishOwn());
    log.atInfo()
        .addKeyValue("task", parts.bundle().task())
        .addKeyValue("memory", learner.memorySize())
        .addKeyValue("head", live)
        .log("training started");
    while (running.getAsBoolean()) {
      health.accept(
          Health.up("%d samples in memory, head %d is live".formatted(learner.memorySize(), live)));
      feed.poll().forEach(this::take);
      learner.due().ifPresent(this::train);
    }
  }

  /** The bundle's own head goes on the topic once, so that there is a way back to it. */
  private HeadLog publishOwn() {
    HeadLog heads = publisher.read();
    Optional<Head> own = parts.bundle().head();
    if (own.isPresent() && heads.versions(parts.bundle().task()).isEmpty()) {
      publisher.promote(own.get(), WRITER);
      return publisher.read();
    }
    return heads;
  }

  private void rebuild(HeadLog heads) {
    follow(liveHead(heads));
    feed.history().forEach(this::take);
  }

  private void take(SampleFeed.Arrival arrival) {
    if (learner.add(arrival.sample(), arrival.partition(), arrival.offset())) {
      parts.metrics().sampled(learner.memorySize());
    }
  }

  private Optional<Head> liveHead(HeadLog heads) {
    return heads
        .live(parts.bundle().task())
        .flatMap(pointer -> heads.head(pointer.task(), pointer.version()))
        .or(() -> parts.bundle().head());
  }

  private long liveVersion(HeadLog heads) {
    return liveHead(heads).map(head -> head.info().version()).orElse(-1L);
  }

  private void follow(Optional<Head> head) {
    live = head.map(h -> h.info().version()).orElse(-1L);
    head.ifPresent(learner::live);
  }

  private void train(String trigger) {
    HeadLog heads = publisher.read();
    if (liveVersion(heads) != live) {
      follow(liveHead(heads)); // somebody rolled back
    }
    long start = System.nanoTime();
    Head candidate = learner.train(trigger, heads.nextVersion(parts.bundle().task()));
    HeadInfo info = candidate.info();
    Duration took = Duration.ofNanos(System.nanoTime() - start);
    parts.metrics().trained(info.task(), took);
    parts.metrics().judged(info.task(), info.verdict().accepted());
    if (liveVersion(publisher.read()) != live) {
      log.atInfo()
          .addKeyValue("task", info.task())
          .addKeyValue("parent", live)
          .log("candidate dropped: the live head was changed while it was trained");
      return;
    }
    if (info.verdict().accepted()) {
      LivePointer pointer = publisher.promote(candidate, WRITER);
      if (pointer.version() == info.version()) {
        follow(Optional.of(candidate));
      }
    } else {
      publisher.refuse(info);
    }
    log.atInfo()
        .addKeyValue("task", info.task())
        .addKeyValue("version", info.version())
        .addKeyValue("accepted", info.verdict().accepted())
        .addKeyValue("judged", info.verdict().judged())
        .addKeyValue("trainedMs", took.toMillis())
        .addKeyValue("reason", info.verdict().reason())
        .log("candidate judged");
  }

  @Override
  public void close() {
    feed.close();
    publisher.close();
  }
}
