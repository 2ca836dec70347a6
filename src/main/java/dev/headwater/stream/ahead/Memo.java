package dev.headwater.stream.ahead;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.ToLongFunction;
import org.apache.kafka.common.TopicPartition;
import org.jspecify.annotations.Nullable;

/**
 * Caches results that were started before their records are processed, bounded in bytes. An entry
 * that is missing is computed on demand. An entry matches only the identical value array, so that
 * records of a deleted and recreated topic do not get stale results. Thread-safe, if each partition
 * is used by one thread at a time.
 */
public final class Memo<T> {
  private final long capacity;
  private final ToLongFunction<T> sizeOf;
  private final Map<TopicPartition, Deque<Entry<T>>> partitions = new HashMap<>();
  private long heldBytes;
  private long largest;

  /**
   * Creates an empty cache.
   *
   * @param capacity maximum bytes of all entries
   * @param estimate bytes of one result, used until a result is taken
   */
  public Memo(long capacity, long estimate, ToLongFunction<T> sizeOf) {
    this.capacity = capacity;
    this.largest = estimate;
    this.sizeOf = sizeOf;
  }

  /**
   * Reserves space for the result of one record, with the size of the largest result taken so far.
   *
   * @return the entry that receives the result; empty if the cache is full
   */
  public synchronized Optional<Entry<T>> reserve(
      TopicPartition partition, long offset, byte[] value) {
    Deque<Entry<T>> entries = partitions.computeIfAbsent(partition, p -> new ArrayDeque<>());
    if (!entries.isEmpty() && entries.getLast().offset >= offset) {
      release(entries); // the partition is read again from here: these entries are stale
    }
    long charge = value.length + largest;
    if (heldBytes + charge > capacity) {
      return Optional.empty();
    }
    Entry<T> entry = new Entry<>(offset, value, charge);
    entries.add(entry);
    heldBytes += charge;
    return Optional.of(entry);
  }

  /** Returns the result for a record, if started; removes it and all entries before it. */
  public synchronized Optional<CompletableFuture<T>> take(
      TopicPartition partition, long offset, byte @Nullable [] value) {
    Deque<Entry<T>> entries = partitions.get(partition);
    if (entries == null) {
      return Optional.empty();
    }
    Entry<T> found = null;
    while (!entries.isEmpty() && entries.getFirst().offset <= offset) {
      Entry<T> entry = entries.remove();
      heldBytes -= entry.charge;
      found = entry.offset == offset && entry.value == value ? entry : null;
    }
    if (found == null || found.result == null) {
      return Optional.empty();
    }
    // one measurement per poll is enough: sizes differ only by the length of texts
    if (entries.isEmpty() && found.result.isDone() && !found.result.isCompletedExceptionally()) {
      largest = Math.max(largest, sizeOf.applyAsLong(found.result.join()));
    }
    return Optional.of(found.result);
  }

  /** Removes all entries of a partition. */
  public synchronized void drop(TopicPartition partition) {
    Deque<Entry<T>> entries = partitions.remove(partition);
    if (entries != null) {
      release(entries);
    }
  }

  /** Returns an upper bound of the bytes in use. */
  public synchronized long held() {
    return heldBytes;
  }

  private void release(Deque<Entry<T>> entries) {
    entries.forEach(entry -> heldBytes -= entry.charge);
    entries.clear();
  }

  /** Reserved space for one result. */
  public static final class Entry<T> {
    private final long offset;
    private final byte[] value;
    private final long charge;
    private @Nullable CompletableFuture<T> result;

    private Entry(long offset, byte[] value, long charge) {
      this.offset = offset;
      this.value = value;
      this.charge = charge;
    }

    /** Sets the result, which may be incomplete. */
    public void begun(CompletableFuture<T> result) {
      this.result = result;
    }
  }
}
