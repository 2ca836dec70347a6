package dev.headwater.adapt;

import dev.headwater.bundle.Bundle;
import dev.headwater.gate.Gates;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.metrics.Health;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Topics;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The adaptation worker: reads samples, fine-tunes when triggered, has the gate judge the
 * candidate, publishes. It talks to scorers only through topics. Construct, start, close.
 *
 * <p>Failure contract: a broker that is away is waited for, and the memory rebuilt from the topic.
 * A second trainer of the same deployment fences this one, which then stops for good: {@link
 * #health} tells the cause. A head is visible whole or not at all.
 */
public final class Trainer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Trainer.class);
  private static final Duration RETRY = Duration.ofSeconds(2);

  private final TrainerSession.Parts parts;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "headwater-trainer");
  private @Nullable HeadPublisher publisher;
  private volatile Health health = Health.down("not started");
  private volatile List<HeadInfo> heads = List.of();

  /**
   * @param kafka client properties, passed through to every client
   * @throws IllegalArgumentException where the device is not there, or a head of the bundle cannot
   *     be trained
   * @throws IllegalStateException where heads have to be signed and there is no key
   */
  public Trainer(
      AdaptSettings settings,
      Gates gates,
      Bundle bundle,
      Topics topics,
      Map<String, Object> kafka,
      TrainerMetrics metrics,
      Clock clock) {
    // an impossible device is told here, not on the thread
    this.parts = TrainerSession.Parts.of(settings, gates, bundle, topics, kafka, metrics, clock);
    // scoring on the same cores goes first
    thread.setPriority(Thread.MIN_PRIORITY);
    thread.setDaemon(true);
  }

  public void start() {
    thread.start();
  }

  /** Every head version as of the last look at the heads topic, refused ones too. */
  public List<HeadInfo> heads() {
    return heads;
  }

  /** Up while samples are followed and heads can be published. */
  public Health health() {
    return health;
  }

  /** Down once it has stopped for good: what a restart may mend, and waiting does not. */
  public Health live() {
    return thread.getState() == Thread.State.TERMINATED ? health : Health.up("training");
  }

  private void run() {
    try {
      parts.fitters().forEach(Fitter::warmUp);
      while (closing.getCount() > 0 && follow()) {
        closing.await(RETRY.toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (CancellationException e) {
      // close() asked for it: the candidate in hand is lost, its samples are not
      health = Health.down("closed");
    } catch (RuntimeException | Error e) {
      health = Health.down("training stopped: " + e);
      log.atError().setCause(e).log("trainer stopped");
      throw e;
    } finally {
      if (publisher != null) {
        publisher.close();
      }
    }
  }

  /**
   * The one it has, wherever that can go on: one that was stopped for a while finds out by it that
   * another has taken over, where a new one would take over from that.
   */
  private HeadPublisher publisher() {
    HeadPublisher held = publisher;
    if (held != null && held.usable()) {
      return held;
    }
    if (held != null) {
      held.close();
    }
    return publisher = parts.publisher();
  }

  /** One connection's work; false once trying again is no use. */
  private boolean follow() {
    try (TrainerSession session = new TrainerSession(parts, publisher())) {
      session.run(() -> closing.getCount() > 0, now -> health = now, now -> heads = now);
      health = Health.down("closed");
    } catch (ProducerFencedException | InvalidProducerEpochException e) {
      health =
          Health.down("another trainer of this deployment has taken over; this one has stopped");
      log.atError().log(health.cause());
      return false;
    } catch (KafkaException e) {
      // nothing of a failed transaction is visible, and the memory is on the topic: begin again
      health = Health.down("the broker failed, trying again: " + e.getMessage());
      log.atWarn().setCause(e).log("trainer lost its broker, trying again");
    }
    return true;
  }

  /** Stops soon: a candidate still being trained is lost, its samples are on the topic. */
  @Override
  public void close() {
    closing.countDown();
    parts.fitters().forEach(Fitter::cancel);
    try {
      thread.join(parts.settings().closeTimeout().toMillis());
      if (thread.isAlive()) {
        log.atWarn().log("the trainer has not stopped in time; its thread ends with the process");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
