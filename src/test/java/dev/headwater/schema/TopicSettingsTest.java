package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopicSettingsTest {

  @ParameterizedTest
  @CsvSource({
    "0, 1, 1, PT1H, PT1H, partitions must be at least 1",
    "1, 0, 1, PT1H, PT1H, partitions must be at least 1",
    "1, 1, 0, PT1H, PT1H, replication factor must be at least 1",
    "1, 1, -2, PT1H, PT1H, replication factor must be at least 1",
    "1, 1, -1, PT0S, PT1H, must be positive",
    "1, 1, -1, PT1H, PT-1S, must be positive",
  })
  void refusesSettingsNoTopicCanHave(
      int partitions, int join, short replicas, Duration wait, Duration retention, String reason) {
    assertThatThrownBy(() -> new TopicSettings(partitions, join, replicas, wait, retention))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(reason);
  }
}
