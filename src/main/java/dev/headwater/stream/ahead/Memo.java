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
 * Results begun ahead of the records that will ask for them, bounded in bytes. Losing an entry is
 * harmless: whoever asks computes it. An entry is found only by the very array it was computed
 * from, so that a topic deleted and made again under its name gets no other record's result. Of one
 * partition only one thread at a time reserves and takes.
 */
public final class Memo<T> {
  private final long capacity;
  private final ToLongFunction<T> sizeOf;
  private final Map<TopicPartition, Deque<Entry<T>>> partitions = new HashMap<>();
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
   * Makes room for the result of one record, charged as the largest taken so far.
   *
   * @return where the result goes once it is begun; empty if it does not fit
   */
  public synchronized Optional<Entry<T>> reserve(
      TopicPartition partition, long offset, byte[] value) {
    Deque<Entry<T>> entries = partitions.computeIfAbsent(partition, p -> new ArrayDeque<>());
    if (!entries.isEmpty() && entries.getLast().offset >= offset) {
      release(entries); // it is read again from here: none of them will be asked for
    }
    long charge = value.length + largest;
    if (held + charge > capacity) {
      return Optional.empty();
    }
    Entry<T> entry = new Entry<>(offset, value, charge);
    entries.add(entry);
    held += charge;
    return Optional.of(entry);
  }

  /** The result for a record, if begun; it and all before it are forgotten. */
  public synchronized Optional<CompletableFuture<T>> take(
      TopicPartition partition, long offset, byte @Nullable [] value) {
    Deque<Entry<T>> entries = partitions.get(partition);
    if (entries == null) {
      return Optional.empty();
    }
    Entry<T> found = null;
    while (!entries.isEmpty() && entries.getFirst().offset <= offset) {
      Entry<T> entry = entries.remove();
      held -= entry.charge;
      found = entry.offset == offset && entry.value == value ? entry : null;
    }
    if (found == null || found.begun == null) {
      return Optional.empty();
    }
    // one a poll will do: they are of one size but for their texts
    if (entries.isEmpty() && found.begun.isDone() && !found.begun.isCompletedExceptionally()) {
      largest = Math.max(largest, sizeOf.applyAsLong(found.begun.join()));
    }
    return Optional.of(found.begun);
  }

  /** Forgets a partition. */
  public synchronized void drop(TopicPartition partition) {
    Deque<Entry<T>> entries = partitions.remove(partition);
    if (entries != null) {
      release(entries);
    }
  }

  /** Bytes held now, at most. */
  public synchronized long held() {
    return held;
  }

  private void release(Deque<Entry<T>> entries) {
    entries.forEach(entry -> held -= entry.charge);
    entries.clear();
  }

  /** Room for one result. */
  public static final class Entry<T> {
    private final long offset;
    private final byte[] value;
    private final long charge;
    private @Nullable CompletableFuture<T> begun;

    private Entry(long offset, byte[] value, long charge) {
      this.offset = offset;
      this.value = value;
      this.charge = charge;
    }

    public void begun(CompletableFuture<T> result) {
      begun = result;
    }
  }
}
