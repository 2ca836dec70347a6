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
 * Deletes what has been in a store for longer than its wait. Each sweep looks at a slice and the
 * next goes on where it stopped: the sweeps share a thread with scoring, and a store may hold days
 * of features. A slice is large enough to go round the store in a hundredth of the wait, for what
 * stays longer than that makes the store grow, but never takes longer than its time. Where that is
 * not enough, what waits is forgotten later.
 *
 * <p>One thing keeps it longer: RocksDB passes by what was deleted, one by one, until it compacts
 * it, which it does not while nothing is written. So who overruns rests for a hundred times as
 * long.
 */
final class Expiry<V> {
  /** How often to sweep; more often where the wait is shorter. */
  static final Duration TICK = Duration.ofSeconds(1);

  static final int SLICE = 1_000;
  private static final long NANOS = Duration.ofMillis(50).toNanos();
  private static final int ROUNDS = 100;

  private final TimestampedKeyValueStore<String, V> store;
  private final Duration wait;
  private final Consumer<V> onExpired;
  private final LongSupplier nanoTime;
  private @Nullable String from;
  private long ended;
  private long rest;

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
   * @param now wall clock, milliseconds since the epoch
   */
  void sweep(long now) {
    long began = nanoTime.getAsLong();
    if (rest > 0 && began - ended < rest) {
      return;
    }
    long since = now - wait.toMillis();
    long most = slice();
    try (KeyValueIterator<String, ValueAndTimestamp<V>> slice = rest()) {
      long looked = 0;
      while (slice.hasNext() && looked < most && (looked == 0 || isInTime(began))) {
        KeyValue<String, ValueAndTimestamp<V>> entry = slice.next();
        if (entry.value.timestamp() <= since) {
          store.delete(entry.key);
          onExpired.accept(entry.value.value());
        }
        from = entry.key + '\0'; // the very next key
        looked++;
      }
      from = slice.hasNext() ? from : null;
    }
    ended = nanoTime.getAsLong();
    rest = ended - began > 2 * NANOS ? ROUNDS * (ended - began) : 0;
  }

  private long slice() {
    double share = (double) ROUNDS * TICK.toMillis() / wait.toMillis();
    return Math.max(SLICE, (long) (share * store.approximateNumEntries()));
  }

  private boolean isInTime(long began) {
    return nanoTime.getAsLong() - began < NANOS;
  }

  @SuppressWarnings("NullAway") // null is an open end
  private KeyValueIterator<String, ValueAndTimestamp<V>> rest() {
    return store.range(from, null);
  }
}
