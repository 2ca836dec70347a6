package dev.headwater.stream.labels;

import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.jspecify.annotations.Nullable;

/**
 * Deletes store entries that are older than the label wait. Each sweep scans a slice of the keys,
 * and the next sweep continues there. Sweeps share a thread with scoring, and a store may hold days
 * of features, so each sweep has a time limit. The slice size covers the store in 1/100 of the
 * wait. If sweeps reach their time limit, entries expire later.
 *
 * <p>RocksDB iterates over deleted entries one by one until it compacts them. It does not compact
 * while nothing is written. After a sweep of more than twice the time limit, sweeps are therefore
 * suspended for 100 times its duration.
 */
final class Expiry<V> {
  /** Maximum interval between sweeps; a shorter wait shortens it. */
  static final Duration TICK = Duration.ofSeconds(1);

  /** Minimum number of entries per slice. */
  static final int SLICE = 1_000;

  private static final long TIME_LIMIT_NANOS = Duration.ofMillis(50).toNanos();
  private static final int ROUNDS_PER_WAIT = 100;
  private static final int PAUSE_FACTOR = 100;

  private final TimestampedKeyValueStore<String, V> store;
  private final Duration wait;
  private final Consumer<V> onExpired;
  private final LongSupplier nanoTime;
  private @Nullable String nextKey;
  private long endNanos;
  private long pauseNanos;

  Expiry(
      TimestampedKeyValueStore<String, V> store,
      Duration wait,
      Consumer<V> onExpired,
      LongSupplier nanoTime) {
    this.store = store;
    this.wait = wait;
    this.onExpired = onExpired;
    this.nanoTime = nanoTime;
  }

  /**
   * Deletes the expired entries of the next slice.
   *
   * @param now wall clock, milliseconds since the epoch
   */
  void sweep(long now) {
    long start = nanoTime.getAsLong();
    if (pauseNanos > 0 && start - endNanos < pauseNanos) {
      return;
    }
    long cutoff = now - wait.toMillis();
    long limit = sliceSize();
    try (KeyValueIterator<String, ValueAndTimestamp<V>> entries = remaining()) {
      long scanned = 0;
      while (entries.hasNext() && scanned < limit && (scanned == 0 || isInTime(start))) {
        KeyValue<String, ValueAndTimestamp<V>> entry = entries.next();
        if (entry.value.timestamp() <= cutoff) {
          store.delete(entry.key);
          onExpired.accept(entry.value.value());
        }
        nextKey = entry.key + '\0'; // the immediate successor
        scanned++;
      }
      nextKey = entries.hasNext() ? nextKey : null;
    }
    endNanos = nanoTime.getAsLong();
    long elapsed = endNanos - start;
    pauseNanos = elapsed > 2 * TIME_LIMIT_NANOS ? PAUSE_FACTOR * elapsed : 0;
  }

  private long sliceSize() {
    double share = (double) ROUNDS_PER_WAIT * TICK.toMillis() / wait.toMillis();
    return Math.max(SLICE, (long) (share * store.approximateNumEntries()));
  }

  private boolean isInTime(long start) {
    return nanoTime.getAsLong() - start < TIME_LIMIT_NANOS;
  }

  @SuppressWarnings("NullAway") // null is an open bound
  private KeyValueIterator<String, ValueAndTimestamp<V>> remaining() {
    return store.range(nextKey, null);
  }
}
