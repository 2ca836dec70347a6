package dev.headwater.stream.guard;

import java.time.Clock;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.processor.TimestampExtractor;

/**
 * Extracts the record timestamp, and replaces a missing, negative or future one by the current
 * time. Kafka Streams stops on a negative timestamp. The broker rejects outputs with timestamps
 * beyond {@code message.timestamp.after.max.ms}, which would abort the transaction.
 */
public final class EventTime implements TimestampExtractor {
  private final Clock clock;

  /** Creates an instance for Kafka Streams, which instantiates it by name. */
  public EventTime() {
    this(Clock.systemUTC());
  }

  EventTime(Clock clock) {
    this.clock = clock;
  }

  /**
   * Returns the timestamp to use, milliseconds since the epoch.
   *
   * @param timestamp timestamp of the record; negative if it has none
   */
  public static long of(long timestamp, long now) {
    return timestamp >= 0 && timestamp <= now ? timestamp : now;
  }

  @Override
  public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
    return of(record.timestamp(), clock.millis());
  }
}
