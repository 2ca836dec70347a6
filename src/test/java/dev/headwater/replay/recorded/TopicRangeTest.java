package dev.headwater.replay.recorded;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class TopicRangeTest {
  private static final TopicPartition RECORDS = new TopicPartition("records", 0);

  @Test
  void givesUpOnABrokerThatTellsNothingForAMinuteButOnNoSlowReader() {
    AtomicLong now = new AtomicLong();
    try (MockConsumer<byte[], byte[]> consumer = new MockConsumer<>("earliest")) {
      consumer.assign(List.of(RECORDS));
      consumer.updateBeginningOffsets(Map.of(RECORDS, 0L));
      TopicRange range = new TopicRange(consumer, new HashMap<>(Map.of(RECORDS, 2L)), now::get);
      consumer.addRecord(new ConsumerRecord<>("records", 0, 0, null, new byte[0]));
      assertThat(range.poll()).hasSize(1);
      now.addAndGet(Duration.ofMinutes(5).toNanos());
      assertThat(range.poll()).isEmpty();
      now.addAndGet(Duration.ofSeconds(61).toNanos());

      assertThatThrownBy(range::poll)
          .isInstanceOf(KafkaException.class)
          .hasMessageContaining(
              "no data from the broker for topics [records] for 60 s, with 1 offsets left");
    }
  }
}
