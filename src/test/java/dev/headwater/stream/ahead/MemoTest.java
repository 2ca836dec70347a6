package dev.headwater.stream.ahead;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class MemoTest {
  private static final TopicPartition P0 = new TopicPartition("t", 0);
  private static final TopicPartition P1 = new TopicPartition("t", 1);
  private static final byte[] VALUE = new byte[10];

  private final Memo<String> cache = new Memo<>(100, 20, String::length);

  @Test
  void returnsTheResultOfARecordOnce() {
    CompletableFuture<String> result = start(P0, 5, VALUE);

    assertThat(cache.take(P0, 5, VALUE)).containsSame(result);
    assertThat(cache.take(P0, 5, VALUE)).as("once").isEmpty();
    assertThat(cache.held()).isZero();
  }

  @Test
  void returnsNothingIfNoResultWasStarted() {
    cache.reserve(P0, 5, VALUE);

    assertThat(cache.take(P0, 5, VALUE)).isEmpty();
    assertThat(cache.held()).isZero();
  }

  @Test
  void removesEntriesBeforeTheProcessedRecord() {
    start(P0, 1, VALUE);
    start(P0, 2, VALUE);
    start(P0, 4, VALUE);

    assertThat(cache.take(P0, 3, VALUE)).isEmpty();

    assertThat(cache.held()).as("offset 4 remains").isEqualTo(30);
    assertThat(cache.take(P0, 4, VALUE)).isPresent();
  }

  @Test
  void doesNotReserveBeyondTheCapacity() {
    for (int offset = 0; offset < 3; offset++) {
      assertThat(cache.reserve(P0, offset, VALUE)).isPresent();
    }

    assertThat(cache.reserve(P0, 3, VALUE)).as("a fourth 30 of 100").isEmpty();
    cache.take(P0, 0, VALUE);
    assertThat(cache.reserve(P0, 3, VALUE)).as("space is free again").isPresent();
  }

  @Test
  void reservesTheSizeOfTheLargestResultTaken() {
    start(P0, 0, VALUE).complete("x".repeat(50));
    cache.take(P0, 0, VALUE);
    start(P0, 1, VALUE).complete("x");
    cache.take(P0, 1, VALUE);

    assertThat(cache.reserve(P0, 2, VALUE)).isPresent();
    assertThat(cache.held()).isEqualTo(60);
    assertThat(cache.reserve(P0, 3, VALUE)).as("60 + 60 of 100").isEmpty();
  }

  @Test
  void ignoresTheSizeOfFailedAndIncompleteResults() {
    start(P0, 0, VALUE).completeExceptionally(new IllegalStateException());
    start(P0, 1, VALUE);

    assertThat(cache.take(P0, 0, VALUE)).isPresent();
    assertThat(cache.take(P0, 1, VALUE)).isPresent();
    assertThat(cache.reserve(P0, 2, VALUE)).isPresent();
    assertThat(cache.held()).isEqualTo(30);
  }

  @Test
  void dropsOnePartitionOnly() {
    start(P0, 0, VALUE);
    start(P1, 0, VALUE);

    cache.drop(P0);

    assertThat(cache.take(P0, 0, VALUE)).isEmpty();
    assertThat(cache.take(P1, 0, VALUE)).isPresent();
    assertThat(cache.held()).isZero();
  }

  @Test
  void replacesEntriesThatAreReadAgain() {
    start(P0, 0, VALUE);
    start(P0, 1, VALUE);
    byte[] again = VALUE.clone();
    CompletableFuture<String> second = start(P0, 0, again);

    assertThat(cache.held()).isEqualTo(30);
    assertThat(cache.take(P0, 0, again)).containsSame(second);
  }

  @Test
  void returnsNothingForAnotherRecordAtTheSameOffset() {
    start(P0, 0, VALUE);

    assertThat(cache.take(P0, 0, VALUE.clone()))
        .as("the topic may have been deleted and recreated")
        .isEmpty();
    assertThat(cache.held()).isZero();
  }

  @Test
  void reservesNothingWithoutCapacity() {
    assertThat(new Memo<>(0, 0, String::length).reserve(P0, 0, VALUE)).isEmpty();
  }

  private CompletableFuture<String> start(TopicPartition partition, long offset, byte[] value) {
    CompletableFuture<String> result = new CompletableFuture<>();
    cache.reserve(partition, offset, value).orElseThrow().begun(result);
    return result;
  }
}
