package dev.headwater.adapt;

import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Reason;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * How far in the samples topic a head's training had read: what lies beyond it, the head has never
 * seen and may be judged on. It travels in the verdict's numbers, as {@code trainedThrough.P} for
 * partition P, so that a trainer that starts anew judges as the one before it did. Offsets do not
 * say of which topic they are: one made anew is told by being shorter, when a trainer starts or
 * reads.
 */
final class TrainedThrough {
  private static final String PREFIX = "trainedThrough.";

  private final Map<Integer, Long> offsets;

  private TrainedThrough(Map<Integer, Long> offsets) {
    this.offsets = offsets;
  }

  static TrainedThrough nothing() {
    return new TrainedThrough(new HashMap<>());
  }

  static TrainedThrough of(HeadInfo info) {
    TrainedThrough through = nothing();
    info.verdict()
        .numbers()
        .forEach(
            (name, value) -> {
              if (name.startsWith(PREFIX)) {
                int partition = Integer.parseInt(name.substring(PREFIX.length()));
                through.advance(partition, value.longValue());
              }
            });
    return through;
  }

  void advance(int partition, long offset) {
    offsets.merge(partition, offset, Math::max);
  }

  /**
   * @param end of the partition, exclusive
   */
  void advanceTo(int partition, long end) {
    if (end > 0) {
      advance(partition, end - 1);
    }
  }

  /** Without what goes beyond another: that was read of a topic which has been made anew since. */
  TrainedThrough within(TrainedThrough another) {
    TrainedThrough within = nothing();
    offsets.forEach(
        (partition, offset) -> {
          if (offset <= another.offsets.getOrDefault(partition, -1L)) {
            within.advance(partition, offset);
          }
        });
    return within;
  }

  boolean isOf(TrainedThrough another) {
    return offsets.equals(another.offsets);
  }

  boolean covers(Remembered sample) {
    return sample.reason() == Reason.HISTORY
        || sample.offset() <= offsets.getOrDefault(sample.partition(), -1L);
  }

  /** By stable name. */
  Map<String, Double> numbers() {
    Map<String, Double> numbers = new TreeMap<>();
    offsets.forEach((partition, offset) -> numbers.put(PREFIX + partition, (double) offset));
    return numbers;
  }
}
