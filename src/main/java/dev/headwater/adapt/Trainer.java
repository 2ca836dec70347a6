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
 * The trainer: reads samples, trains candidates when triggered, evaluates them with the gate and
 * publishes them. It communicates with scorers only through topics.
 *
 * <p>Failure contract: if the broker is unavailable, the trainer retries and rebuilds the replay
 * memory from the topic. A second trainer of the same deployment fences this one. The fenced
 * trainer stops for good, and {@link #health} reports the cause. Heads become visible atomically.
 */
public final class Trainer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Trainer.class);
  private static final Duration RETRY_BACKOFF = Duration.ofSeconds(2);

  private final TrainerSession.Parts parts;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final Thread thread = new Thread(this::run, "headwater-trainer");
  private @Nullable HeadPublisher publisher;
  private volatile Health health = Health.down("not started");
  private volatile List<HeadInfo> heads = List.of();

  /**
   * @param kafka client properties, passed through to every client
   * @throws IllegalArgumentException if the device is not available, or a head of the bundle cannot
   *     be trained
   * @throws IllegalStateException if heads must be signed and no key is configured
   */
  public Trainer(
      AdaptSettings settings,
      Gates gates,
      Bundle bundle,
      Topics topics,
      Map<String, Object> kafka,
      TrainerMetrics metrics,
      Clock clock) {
    // fails here on an unavailable device, instead of later on the trainer thread
    this.parts = TrainerSession.Parts.of(settings, gates, bundle, topics, kafka, metrics, clock);
    // scoring on the same cores has priority
    thread.setPriority(Thread.MIN_PRIORITY);
    thread.setDaemon(true);
  }

  public void start() {
    thread.start();
  }

  /** Returns all head versions as of the last read of the heads topic, including rejected ones. */
  public List<HeadInfo> heads() {
    return heads;
  }

  /** Returns the readiness: up while samples are read and heads can be published. */
  public Health health() {
    return health;
  }

  /** Returns the liveness: down once the trainer has stopped for good and needs a restart. */
  public Health live() {
    return thread.getState() == Thread.State.TERMINATED ? health : Health.up("training");
  }

  private void run() {
    try {
      parts.fitters().forEach(Fitter::warmUp);
      while (closing.getCount() > 0 && follow()) {
        closing.await(RETRY_BACKOFF.toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (CancellationException e) {
      // cancelled by close(): the unfinished candidate is lost, its samples are on the topic
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
   * Returns the existing publisher while it is usable. After a long pause, an existing publisher is
   * fenced by the trainer that took over; a new publisher would fence that trainer instead.
   */
  private HeadPublisher publisher() {
    HeadPublisher existing = publisher;
    if (existing != null && existing.usable()) {
      return existing;
    }
    if (existing != null) {
      existing.close();
    }
    return publisher = parts.publisher();
  }

  /** Runs one session; returns false if the trainer must not retry. */
  private boolean follow() {
    try (TrainerSession session = new TrainerSession(parts, publisher())) {
      session.run(() -> closing.getCount() > 0, now -> health = now, now -> heads = now);
      health = Health.down("closed");
    } catch (ProducerFencedException | InvalidProducerEpochException e) {
      health =
          Health.down(
              "another trainer of this deployment has taken over; this trainer has stopped");
      log.atError().log(health.cause());
      return false;
    } catch (KafkaException e) {
      // a failed transaction is invisible, and the memory can be rebuilt from the topic: retry
      health = Health.down("broker connection lost, retrying: " + e.getMessage());
      log.atWarn().setCause(e).log("broker connection lost; retrying");
    }
    return true;
  }

  /** Stops the trainer: an unfinished candidate is lost, its samples are on the topic. */
  @Override
  public void close() {
    closing.countDown();
    parts.fitters().forEach(Fitter::cancel);
    try {
      thread.join(parts.settings().closeTimeout().toMillis());
      if (thread.isAlive()) {
        log.atWarn()
            .log("trainer thread did not stop within the close timeout; it ends with the process");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
