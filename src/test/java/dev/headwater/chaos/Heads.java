package dev.headwater.chaos;

import dev.headwater.bundle.Bundle;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.Signatures;
import dev.headwater.stream.Deployment;
import dev.headwater.stream.TestHead;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.KafkaException;

/**
 * Swaps the head every few seconds, now and then back to the one before. Whatever else writes heads
 * holds its lock meanwhile.
 */
final class Heads implements AutoCloseable {
  private static final int SECONDS = 2;
  private static final int ROLLBACK_EVERY = 4;

  private final Deployment on;
  private final Bundle bundle;
  private final Signatures signatures;
  private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
  private final List<Long> history = new ArrayList<>(List.of(0L));
  private HeadPublisher publisher;
  private ScheduledFuture<?> swapping;
  private long version;
  private long live;
  private long before;
  private int turns;

  Heads(Deployment on, Bundle bundle, Signatures signatures) {
    this.on = on;
    this.bundle = bundle;
    this.signatures = signatures;
  }

  void start() {
    swapping = clock.scheduleWithFixedDelay(this::swap, SECONDS, SECONDS, TimeUnit.SECONDS);
  }

  private synchronized void swap() {
    try {
      if (++turns % ROLLBACK_EVERY == 0 && before > 0) {
        rollBack();
      } else {
        promote();
      }
    } catch (KafkaException e) {
      // The broker is away, that is the test: whether the head went live or not, it is history, and
      // the next publisher goes on from what the topic says.
      forgetPublisher();
    }
  }

  /** Makes the next version live. */
  synchronized void promote() {
    promote(0);
  }

  /**
   * @param more labels than the bundle's own
   */
  synchronized void promote(int more) {
    long next = next();
    history.add(next);
    publisher().promote(TestHead.of(bundle, next, more), "chaos");
    before = live;
    live = next;
  }

  private synchronized void rollBack() {
    history.add(before);
    publisher().point(bundle.task().name(), before, false, "chaos");
    live = before;
    before = 0;
  }

  /** A number for a version, never given twice. */
  synchronized long next() {
    return ++version;
  }

  /** The version that counts as live. */
  synchronized long live() {
    return live;
  }

  synchronized HeadPublisher publisher() {
    if (publisher == null) {
      publisher = on.publisher(signatures);
    }
    return publisher;
  }

  /** The topic is another one: nothing is there to go back to. */
  synchronized void startOver() {
    forgetPublisher();
    before = 0;
    live = 0;
  }

  private synchronized void forgetPublisher() {
    if (publisher != null) {
      publisher.close();
      publisher = null;
    }
  }

  /** Every version that may have been live, in order. */
  synchronized List<Long> history() {
    return List.copyOf(history);
  }

  void stop() throws InterruptedException, ExecutionException {
    if (swapping.isDone() && !swapping.isCancelled()) {
      swapping.get(); // throws what ended it
    }
    clock.shutdown();
    if (!clock.awaitTermination(Deployment.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      throw new IllegalStateException("the heads' publisher does not end: is the broker away?");
    }
  }

  @Override
  public void close() {
    clock.shutdownNow();
    forgetPublisher();
  }
}
