package dev.headwater.bench;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Waits for a count to reach a value, as long as it keeps growing. */
final class Progress {
  private static final Duration STALL = Duration.ofMinutes(2);

  private Progress() {}

  /** A count that is polled. */
  interface Count {
    long now() throws Exception;

    /** Returns the polling interval; longer where polling disturbs the measurement. */
    default Duration pause() {
      return Duration.ofMillis(10);
    }
  }

  /**
   * Waits until the count reaches a value and returns the count.
   *
   * @param what description of the count, for the message
   * @throws IllegalStateException if the count stalls
   * @throws InterruptedException if interrupted, even while the count grows
   */
  static long await(String what, long wanted, Count count) throws Exception {
    long last = Long.MIN_VALUE;
    long deadline = 0;
    long now = count.now();
    for (; now < wanted; now = count.now()) {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      if (now > last) {
        last = now;
        deadline = System.nanoTime() + STALL.toNanos();
      } else if (System.nanoTime() > deadline) {
        throw new IllegalStateException(
            "%s: no progress for %d s at %,d of %,d"
                .formatted(what, STALL.toSeconds(), last, wanted));
      }
      LockSupport.parkNanos(count.pause().toNanos());
    }
    return now;
  }
}
