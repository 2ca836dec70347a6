package dev.headwater.stream.selection;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Which records are looked at for what their labels are worth: all up to a rate, beyond it a
 * uniform draw of as many. What can be labelled and learnt from grows with time, not with traffic.
 *
 * <p>The part that is drawn follows from the rate of the records before, over a second or, if they
 * come sooner, over a second's worth: so a jump from nothing costs no more than that. Thread-safe.
 */
final class Pace {
  private static final double SECOND = TimeUnit.SECONDS.toNanos(1);

  /** Of 2^32, the golden ratio: spreads hashes that lie side by side (Knuth 1973, 6.4). */
  private static final long SPREAD = 0x9E3779B1L;

  private final double rate;
  private final LongSupplier nanos;
  private long since;
  private long seen;
  private double part = 1;

  /**
   * @param rate in records a second, times tasks; infinite for none
   * @param nanos a clock that never goes back
   */
  Pace(double rate, LongSupplier nanos) {
    this.rate = rate;
    this.nanos = nanos;
    this.since = nanos.getAsLong();
  }

  /**
   * Counts a record, and tells whether it is among those drawn.
   *
   * @param tasks for each of which it counts once
   * @param hash of its id, in [0, 2^32); what other draws go by it are independent of this one
   */
  synchronized boolean takes(int tasks, long hash) {
    long now = nanos.getAsLong();
    if (now - since >= SECOND || seen >= rate) {
      part = Math.min(1, rate * (now - since) / SECOND / Math.max(1, seen));
      since = now;
      seen = 0;
    }
    seen += tasks;
    return (hash * SPREAD & 0xFFFFFFFFL) < part * 0x1p32;
  }
}
