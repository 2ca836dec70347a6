package dev.headwater.adapt;

import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A bounded memory of the newest unlabelled samples, which exclude audit samples. A low-confidence
 * record is included until its label arrives. Not thread-safe.
 */
final class Unlabelled {
  private final int capacity;
  private final Map<String, float[]> features = new LinkedHashMap<>();

  Unlabelled(int capacity) {
    this.capacity = capacity;
  }

  void put(Sample sample) {
    if (capacity == 0) {
      return;
    }
    features.put(sample.getRecordId(), SampleSerde.unpack(sample));
    if (features.size() > capacity) {
      erase(features.keySet().iterator().next());
    }
  }

  void erase(String recordId) {
    features.remove(recordId);
  }

  /** Returns the features of the samples whose record is not in {@code labelled}. */
  List<float[]> besides(List<Remembered> labelled) {
    Set<String> labelledIds =
        labelled.stream().map(Remembered::recordId).collect(Collectors.toSet());
    return features.entrySet().stream()
        .filter(entry -> !labelledIds.contains(entry.getKey()))
        .map(Map.Entry::getValue)
        .toList();
  }
}
