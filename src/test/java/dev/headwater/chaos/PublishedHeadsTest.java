package dev.headwater.chaos;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PublishedHeadsTest {
  private final List<ConsumerRecord<String, byte[]>> written =
      new ArrayList<>(
          List.of(
              pointer(1, 0, "trainer"),
              manifest(1, true),
              pointer(2, 1, "trainer"),
              manifest(2, false),
              manifest(3, true),
              pointer(3, 3, "trainer"),
              manifest(3, false),
              pointer(4, 1, "withdrawal")));

  @Test
  void goesBackByWithdrawal() {
    PublishedHeads heads = PublishedHeads.of(written);

    assertThat(heads.back()).isEmpty();
    assertThat(heads.history()).containsExactly(0L, 0L, 1L, 3L, 1L);
    assertThat(heads.accepted()).containsExactlyInAnyOrder(1L, 3L);
    assertThat(heads.refused()).containsExactly(2L);
  }

  @ParameterizedTest
  @CsvSource({"5, 1, trainer", "4, 4, trainer", "3, 4, trainer", "2, 1, withdrawal"})
  void whoPointsBackOrUsesAnEpochAgainIsSeen(long epoch, long version, String by) {
    written.add(pointer(epoch, version, by));

    assertThat(PublishedHeads.of(written).back()).hasSize(1);
  }

  private static ConsumerRecord<String, byte[]> pointer(long epoch, long version, String by) {
    return json(
        "live/task",
        "{\"epoch\": %d, \"version\": %d, \"by\": \"%s\"}".formatted(epoch, version, by));
  }

  private static ConsumerRecord<String, byte[]> manifest(long version, boolean accepted) {
    return json(
        "head/task/%d/manifest".formatted(version),
        "{\"info\": {\"version\": %d, \"verdict\": {\"accepted\": %s}}}"
            .formatted(version, accepted));
  }

  private static ConsumerRecord<String, byte[]> json(String key, String value) {
    return new ConsumerRecord<>("heads", 0, 0, key, value.getBytes(UTF_8));
  }
}
