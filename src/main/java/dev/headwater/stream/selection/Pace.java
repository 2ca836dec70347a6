package dev.headwater.stream.selection;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * How much of its shares a stream is asked for: all of them up to a rate, beyond it what they come
 * to at that rate. What can be labelled and learnt from grows with time, not with traffic. The rate
 * is that of the second before. Thread-safe.
 */
final class Pace {
  private static final double SECOND = TimeUnit.SECONDS.toNanos(1);

  private final double rate;
  private final LongSupplier nanos;
  private long since;
  private long seen;
  private volatile double part = 1;

  /**
   * @param rate in records a second, infinite for none
   * @param nanos a clock that never goes back
   */
  Pace(double rate, LongSupplier nanos) {
    this.rate = rate;
    this.nanos = nanos;
    this.since = nanos.getAsLong();
  }

  /** Counts a record, and tells what part of a share it is drawn with, in (0, 1]. */
  synchronized double next() {
    long now = nanos.getAsLong();
    if (now - since >= SECOND) {
      part = Math.min(1, rate * (now - since) / SECOND / Math.max(1, seen));
      since = now;
      seen = 0;
    }
    seen++;
    return part;
  }

  /** As told last. */
  double part() {
    return part;
  }
}
