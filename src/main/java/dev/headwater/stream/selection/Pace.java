package dev.headwater.stream.selection;

import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Limits the rate of records considered for labelling. Up to the limit all records are considered,
 * above it a uniform subsample. Labels and training data are limited per second, not per record.
 *
 * <p>The sampling fraction follows from the rate of the preceding records. It is measured over one
 * second, or until one second's limit is reached. A burst after idle time therefore exceeds the
 * limit by at most one second's worth of records. Thread-safe.
 */
final class Pace {
  private static final double SECOND = TimeUnit.SECONDS.toNanos(1);

  /** Golden ratio times 2^32, for multiplicative hashing (Knuth 1973, 6.4). */
  private static final long MULTIPLIER = 0x9E3779B1L;

  private final double maxRate;
  private final LongSupplier nanoTime;
  private long windowStart;
  private long count;
  private double fraction = 1;

  /**
   * Creates a limiter.
   *
   * @param maxRate records per second, times tasks; infinite for no limit
   * @param nanoTime monotonic clock, in nanoseconds
   */
  Pace(double maxRate, LongSupplier nanoTime) {
    this.maxRate = maxRate;
    this.nanoTime = nanoTime;
    this.windowStart = nanoTime.getAsLong();
  }

  /**
   * Counts a record and returns whether it is considered.
   *
   * @param tasks number of tasks; the record counts once per task
   * @param hash hash of the record id, in [0, 2^32). The result is independent of other samples by
   *     the same hash
   */
  synchronized boolean takes(int tasks, long hash) {
    long now = nanoTime.getAsLong();
    if (now - windowStart >= SECOND || count >= maxRate) {
      fraction = Math.min(1, maxRate * (now - windowStart) / SECOND / Math.max(1, count));
      windowStart = now;
      count = 0;
    }
    count += tasks;
    return (hash * MULTIPLIER & 0xFFFFFFFFL) < fraction * 0x1p32;
  }
}
