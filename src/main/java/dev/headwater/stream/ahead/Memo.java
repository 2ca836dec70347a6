package dev.headwater.stream.ahead;

import java.util.HashMap;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.ToLongFunction;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Results begun ahead of the records that will ask for them, bounded in bytes. Losing an entry is
 * harmless: whoever asks computes it. An entry is found only by the very array it was computed
 * from, so that a topic deleted and made again under its name gets no other record's result.
 */
public final class Memo<T> {
  private final long capacity;
  private final ToLongFunction<T> sizeOf;
  private final Map<TopicPartition, NavigableMap<Long, Entry<T>>> partitions = new HashMap<>();
  private long held;
  private long largest;

  /**
   * @param capacity bytes
   * @param estimate bytes of one result until one has been seen
   */
  public Memo(long capacity, long estimate, ToLongFunction<T> sizeOf) {
    this.capacity = capacity;
    this.largest = estimate;
    this.sizeOf = sizeOf;
  }

  /**
   * Makes room for the result of one record, charged as the largest seen until it is there.
   *
   * @return empty if it does not fit
   */
  public synchronized Optional<CompletableFuture<T>> reserve(
      TopicPartition partition, long offset, byte[] value) {
    long charge = value.length + largest;
    if (held + charge > capacity) {
      return Optional.empty();
    }
    Entry<T> entry = new Entry<>(value, new CompletableFuture<>(), charge);
    Entry<T> old = partitions.computeIfAbsent(partition, p -> new TreeMap<>()).put(offset, entry);
    held += charge - (old == null ? 0 : old.release());
    entry.future.thenAccept(result -> settle(entry, sizeOf.applyAsLong(result)));
    return Optional.of(entry.future);
  }

  /** The result for a record, if begun; it and all before it are forgotten. */
  public synchronized Optional<CompletableFuture<T>> take(
      TopicPartition partition, long offset, byte @Nullable [] value) {
    NavigableMap<Long, Entry<T>> entries = partitions.get(partition);
    if (entries == null) {
      return Optional.empty();
    }
    Entry<T> entry = entries.get(offset);
    release(entries.headMap(offset, true));
    return entry != null && entry.value == value ? Optional.of(entry.future) : Optional.empty();
  }

  /** Forgets a partition. */
  public synchronized void drop(TopicPartition partition) {
    NavigableMap<Long, Entry<T>> entries = partitions.remove(partition);
    if (entries != null) {
      release(entries);
    }
  }

  /** Bytes held now. */
  public synchronized long held() {
    return held;
  }

  private void release(NavigableMap<Long, Entry<T>> entries) {
    entries.values().forEach(entry -> held -= entry.release());
    entries.clear();
  }

  private synchronized void settle(Entry<T> entry, long size) {
    largest = Math.max(largest, size);
    if (entry.charge > 0) {
      held += entry.value.length + size - entry.charge;
      entry.charge = entry.value.length + size;
    }
  }

  private static final class Entry<T> {
    final byte[] value;
    final CompletableFuture<T> future;
    long charge; // 0 once released

    Entry(byte[] value, CompletableFuture<T> future, long charge) {
      this.value = value;
      this.future = future;
      this.charge = charge;
    }

    long release() {
      long freed = charge;
      charge = 0;
      return freed;
    }
  }
}
