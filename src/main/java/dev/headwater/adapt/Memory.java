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
 * A bounded replay memory of labelled samples, by record id, in order of first arrival. A later
 * sample of a record corrects the earlier one.
 *
 * <p>A full memory evicts the oldest sample of the most frequent label, so that rare labels are
 * kept. For numbers and masks it evicts the oldest sample. Labels are stored under their current
 * names. Not thread-safe.
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
   * @param kind of the labels
   */
  Memory(Kind kind, int capacity) {
    this.kind = kind;
    this.capacity = capacity;
  }

  /** Applies label aliases to all samples; drops samples whose label was retired. */
  void relabel(LabelAliases newAliases) {
    if (!newAliases.equals(aliases)) {
      aliases = newAliases;
      List<Remembered> all = samples();
      samples.clear();
      idsByLabel.clear();
      all.forEach(this::put);
    }
  }

  boolean holds(String recordId) {
    return samples.containsKey(recordId);
  }

  /** Adds or corrects a sample. Returns whether its label is new or has changed. */
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
    // re-inserting a key keeps its position in the order
    samples.put(sample.recordId(), known == null ? sample : sample.correcting(known));
    if (known != null && known.label().equals(sample.label())) {
      return false;
    }
    if (known != null) {
      removeFromIndex(known);
    }
    idsByLabel
        .computeIfAbsent(group(sample), label -> new LinkedHashSet<>())
        .add(sample.recordId());
    if (samples.size() > capacity) {
      evict();
    }
    return true;
  }

  /** Removes the sample of a record, if there is one. */
  void erase(String recordId) {
    Remembered erased = samples.remove(recordId);
    if (erased != null) {
      removeFromIndex(erased);
    }
  }

  int size() {
    return samples.size();
  }

  /** Returns all samples in order of first arrival. */
  List<Remembered> samples() {
    return List.copyOf(samples.values());
  }

  private void evict() {
    Set<String> largest =
        idsByLabel.values().stream().max(Comparator.comparingInt(Set::size)).orElseThrow();
    @Nullable Remembered oldest = samples.remove(largest.iterator().next());
    if (oldest != null) {
      removeFromIndex(oldest);
    }
  }

  private String group(Remembered sample) {
    return kind instanceof Kind.Quantity || sample.truth() != null ? "" : sample.label();
  }

  private void removeFromIndex(Remembered sample) {
    Set<String> ids = idsByLabel.get(group(sample));
    if (ids != null) {
      ids.remove(sample.recordId());
      if (ids.isEmpty()) {
        idsByLabel.remove(group(sample));
      }
    }
  }
}
