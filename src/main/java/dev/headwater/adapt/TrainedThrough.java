package dev.headwater.adapt;

import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Reason;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * The offsets of the samples topic up to which a head was trained. Samples beyond them are unseen,
 * so the head can be evaluated on them.
 *
 * <p>The offsets are stored in the numbers of the verdict, as {@code trainedThrough.P} for
 * partition P. So the evaluation is the same after a restart of the trainer. Offsets do not
 * identify the topic: a recreated topic is detected by being shorter, at start and while reading.
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
   * @param end end offset of the partition, exclusive
   */
  void advanceTo(int partition, long end) {
    if (end > 0) {
      advance(partition, end - 1);
    }
  }

  /** Returns the offsets that do not exceed {@code limit}; others are from a deleted topic. */
  TrainedThrough within(TrainedThrough limit) {
    TrainedThrough within = nothing();
    offsets.forEach(
        (partition, offset) -> {
          if (offset <= limit.offsets.getOrDefault(partition, -1L)) {
            within.advance(partition, offset);
          }
        });
    return within;
  }

  boolean isOf(TrainedThrough other) {
    return offsets.equals(other.offsets);
  }

  boolean covers(Remembered sample) {
    return sample.reason() == Reason.HISTORY
        || sample.offset() <= offsets.getOrDefault(sample.partition(), -1L);
  }

  /** Returns the offsets as numbers of a verdict. */
  Map<String, Double> numbers() {
    Map<String, Double> numbers = new TreeMap<>();
    offsets.forEach((partition, offset) -> numbers.put(PREFIX + partition, (double) offset));
    return numbers;
  }
}
