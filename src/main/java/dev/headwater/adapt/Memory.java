package dev.headwater.adapt;

import dev.headwater.bundle.Kind;
import dev.headwater.schema.LabelAliases;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Samples to train on, by record id, in the order they first came. A later sample of a record
 * corrects it. Bounded: the oldest sample of the most frequent label makes room, so that rare
 * labels are kept whole; of numbers and masks, which are no labels of their own, the oldest. Every
 * sample is under the name its label has now. Not thread-safe.
 */
final class Memory {
  private final Kind kind;
  private final int capacity;
  private final Map<String, Remembered> samples = new LinkedHashMap<>();
  private final Map<String, Set<String>> idsByLabel = new LinkedHashMap<>();
  private LabelAliases aliases = LabelAliases.none("");

  Memory(int capacity) {
    this(new Kind.OneLabel(), capacity);
  }

  /**
   * @param kind of its labels
   */
  Memory(Kind kind, int capacity) {
    this.kind = kind;
    this.capacity = capacity;
  }

  /** Labels have other names from now on; samples of those that are no more are forgotten. */
  void relabel(LabelAliases now) {
    if (!now.equals(aliases)) {
      aliases = now;
      List<Remembered> all = samples();
      samples.clear();
      idsByLabel.clear();
      all.forEach(this::put);
    }
  }

  boolean holds(String recordId) {
    return samples.containsKey(recordId);
  }

  /** False where it says nothing new. */
  boolean put(Remembered sample) {
    Optional<String> label = kind.now(aliases, sample.label());
    if (label.isEmpty()) {
      erase(sample.recordId());
      return false;
    }
    return putNamed(sample.labelled(label.get()));
  }

  private boolean putNamed(Remembered sample) {
    Remembered known = samples.get(sample.recordId());
    // a key that is put again keeps its place in the order
    samples.put(sample.recordId(), known == null ? sample : sample.correcting(known));
    if (known != null && known.label().equals(sample.label())) {
      return false;
    }
    if (known != null) {
      forget(known);
    }
    idsByLabel
        .computeIfAbsent(group(sample), label -> new LinkedHashSet<>())
        .add(sample.recordId());
    if (samples.size() > capacity) {
      evict();
    }
    return true;
  }

  /** Forgets the record, if it knows it. */
  void erase(String recordId) {
    Remembered erased = samples.remove(recordId);
    if (erased != null) {
      forget(erased);
    }
  }

  int size() {
    return samples.size();
  }

  /** All samples, in the order they first came. */
  List<Remembered> samples() {
    return List.copyOf(samples.values());
  }

  private void evict() {
    Set<String> most =
        idsByLabel.values().stream().max(Comparator.comparingInt(Set::size)).orElseThrow();
    @Nullable Remembered oldest = samples.remove(most.iterator().next());
    if (oldest != null) {
      forget(oldest);
    }
  }

  private String group(Remembered sample) {
    return kind instanceof Kind.Quantity || sample.truth() != null ? "" : sample.label();
  }

  private void forget(Remembered sample) {
    Set<String> ids = idsByLabel.get(group(sample));
    if (ids != null) {
      ids.remove(sample.recordId());
      if (ids.isEmpty()) {
        idsByLabel.remove(group(sample));
      }
    }
  }
}
