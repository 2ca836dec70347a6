package dev.headwater.stream.guard;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EventTimeTest {
  private static final Instant NOW = Instant.ofEpochMilli(1_000);

  @ParameterizedTest
  @CsvSource({
    "999, 999",
    "1000, 1000",
    "0, 0",
    "-1, 1000",
    "-9223372036854775808, 1000",
    "1001, 1000",
    "9223372036854775807, 1000"
  })
  void isTheRecordsOwnUnlessThatIsMissingOrInTheFuture(long own, long expected) {
    EventTime time = new EventTime(Clock.fixed(NOW, ZoneOffset.UTC));
    ConsumerRecord<Object, Object> record =
        new ConsumerRecord<>(
            "t",
            0,
            0,
            own,
            TimestampType.CREATE_TIME,
            0,
            0,
            null,
            "v",
            new RecordHeaders(),
            Optional.empty());

    assertThat(time.extract(record, -1)).isEqualTo(expected);
  }
}
