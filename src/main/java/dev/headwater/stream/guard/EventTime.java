package dev.headwater.stream.guard;

import java.time.Clock;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.streams.processor.TimestampExtractor;

/**
 * The record's own time where it is one. A time that is missing, negative or in the future becomes
 * the time of reading: Streams stops on a negative one, and a broker refuses outputs stamped beyond
 * its {@code message.timestamp.after.max.ms}, which would abort the transaction.
 */
public final class EventTime implements TimestampExtractor {
  private final Clock clock;

  /** For Streams, which instantiates by name. */
  public EventTime() {
    this(Clock.systemUTC());
  }

  EventTime(Clock clock) {
    this.clock = clock;
  }

  /**
   * What a record is stamped with, milliseconds since the epoch.
   *
   * @param own the record's own time; below 0 where it has none
   */
  public static long of(long own, long now) {
    return own >= 0 && own <= now ? own : now;
  }

  @Override
  public long extract(ConsumerRecord<Object, Object> record, long partitionTime) {
    return of(record.timestamp(), clock.millis());
  }
}
