package dev.headwater.bench;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Waits for a count to grow, for as long as it does. */
final class Progress {
  private static final Duration STALL = Duration.ofMinutes(2);

  private Progress() {}

  /** Asked again and again. */
  interface Count {
    long now() throws Exception;

    /** Between two looks; longer where looking costs what is measured. */
    default Duration pause() {
      return Duration.ofMillis(10);
    }
  }

  /**
   * The first count seen that is as much as wanted.
   *
   * @param what counts, for the message
   * @throws IllegalStateException if it stands still for too long
   * @throws InterruptedException if interrupted, be the count never so quick
   */
  static long await(String what, long wanted, Count count) throws Exception {
    long seen = Long.MIN_VALUE;
    long stalled = 0;
    long now = count.now();
    for (; now < wanted; now = count.now()) {
      if (Thread.interrupted()) {
        throw new InterruptedException();
      }
      if (now > seen) {
        seen = now;
        stalled = System.nanoTime() + STALL.toNanos();
      } else if (System.nanoTime() > stalled) {
        throw new IllegalStateException(
            "%s: nothing more for %d s after %,d of %,d"
                .formatted(what, STALL.toSeconds(), seen, wanted));
      }
      LockSupport.parkNanos(count.pause().toNanos());
    }
    return now;
  }
}
