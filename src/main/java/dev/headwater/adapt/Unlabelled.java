package dev.headwater.adapt;

import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The newest records of the uniform draw, in which no audited one is. One that asked for its label,
 * being unsure, is among them until that comes. Not thread-safe.
 */
final class Unlabelled {
  private final int capacity;
  private final Map<String, float[]> features = new LinkedHashMap<>();

  Unlabelled(int capacity) {
    this.capacity = capacity;
  }

  void put(Sample drawn) {
    if (capacity == 0) {
      return;
    }
    features.put(drawn.getRecordId(), SampleSerde.unpack(drawn));
    if (features.size() > capacity) {
      erase(features.keySet().iterator().next());
    }
  }

  void erase(String recordId) {
    features.remove(recordId);
  }

  /** Features of those whose label did not come in another way. */
  List<float[]> besides(List<Remembered> labelled) {
    Set<String> told = labelled.stream().map(Remembered::recordId).collect(Collectors.toSet());
    return features.entrySet().stream()
        .filter(drawn -> !told.contains(drawn.getKey()))
        .map(Map.Entry::getValue)
        .toList();
  }
}
