package dev.headwater.replay.recorded;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.TopicPartition;

/** The start or end of a range of topics: an offset, applied to every partition, or a time. */
public sealed interface Bound {
  /** The earliest record of each partition. */
  Bound BEGINNING = new Offset(0);

  /** The current end of each partition. */
  Bound NOW = new Offset(Long.MAX_VALUE);

  record Offset(long offset) implements Bound {
    @Override
    public Map<TopicPartition, Long> in(
        Consumer<?, ?> consumer, Collection<TopicPartition> partitions) {
      Map<TopicPartition, Long> first = consumer.beginningOffsets(partitions);
      Map<TopicPartition, Long> end = consumer.endOffsets(partitions);
      Map<TopicPartition, Long> offsets = new HashMap<>();
      end.forEach(
          (partition, last) ->
              offsets.put(
                  partition, Math.max(first.getOrDefault(partition, 0L), Math.min(offset, last))));
      return offsets;
    }
  }

  record Time(Instant time) implements Bound {
    @Override
    public Map<TopicPartition, Long> in(
        Consumer<?, ?> consumer, Collection<TopicPartition> partitions) {
      Map<TopicPartition, Long> offsets = new HashMap<>(consumer.endOffsets(partitions));
      Map<TopicPartition, Long> timestamps = new HashMap<>();
      partitions.forEach(partition -> timestamps.put(partition, time.toEpochMilli()));
      Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(timestamps);
      // null if every record is older
      found.forEach(
          (partition, at) -> offsets.computeIfPresent(partition, (p, end) -> first(at, end)));
      return offsets;
    }

    @SuppressWarnings("ConstantValue") // Kafka's map holds nulls
    private static long first(OffsetAndTimestamp at, long end) {
      return at == null ? end : at.offset();
    }
  }

  /**
   * Parses an offset or an ISO 8601 time, such as {@code 2026-01-31} (midnight UTC) or {@code
   * 2026-01-31T12:00:00Z}.
   *
   * @throws IllegalArgumentException if the text is neither
   */
  static Bound parse(String text) {
    try {
      if (text.matches("\\d+")) {
        return new Offset(Long.parseLong(text));
      }
      return new Time(
          text.contains("T")
              ? OffsetDateTime.parse(text).toInstant()
              : LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant());
    } catch (DateTimeException | NumberFormatException e) {
      throw new IllegalArgumentException(
          ("invalid bound '%s': expected an offset or a time such as 2026-01-31"
                  + " or 2026-01-31T12:00:00Z")
              .formatted(text),
          e);
    }
  }

  /**
   * Returns the first offset at or after this bound, limited to the current range of a partition.
   */
  Map<TopicPartition, Long> in(Consumer<?, ?> consumer, Collection<TopicPartition> partitions);
}
