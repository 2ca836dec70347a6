package dev.headwater.stream.labels;

import java.time.Duration;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.jspecify.annotations.Nullable;

/**
 * Deletes what has been in a store for longer than its wait. Each sweep looks at a bounded slice
 * and the next goes on where it stopped: the sweeps share a thread with scoring, and a store may
 * hold days of features.
 */
final class Expiry<V> {
  static final int SLICE = 1_000;

  private final TimestampedKeyValueStore<String, V> store;
  private final Duration wait;
  private final Runnable onExpired;
  private @Nullable String from;

  Expiry(TimestampedKeyValueStore<String, V> store, Duration wait, Runnable onExpired) {
    this.store = store;
    this.wait = wait;
    this.onExpired = onExpired;
  }

  /**
   * @param now wall clock, milliseconds since the epoch
   */
  void sweep(long now) {
    long since = now - wait.toMillis();
    try (KeyValueIterator<String, ValueAndTimestamp<V>> slice = rest()) {
      for (int looked = 0; looked < SLICE && slice.hasNext(); looked++) {
        KeyValue<String, ValueAndTimestamp<V>> entry = slice.next();
        if (entry.value.timestamp() <= since) {
          store.delete(entry.key);
          onExpired.run();
        }
        from = entry.key + '\0'; // the very next key
      }
      from = slice.hasNext() ? from : null;
    }
  }

  @SuppressWarnings("NullAway") // null is an open end
  private KeyValueIterator<String, ValueAndTimestamp<V>> rest() {
    return store.range(from, null);
  }
}
