package dev.headwater.stream.ahead;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class MemoTest {
  private static final TopicPartition P0 = new TopicPartition("t", 0);
  private static final TopicPartition P1 = new TopicPartition("t", 1);
  private static final byte[] VALUE = new byte[10];

  private final Memo<String> memo = new Memo<>(100, 20, String::length);

  @Test
  void handsOutWhatWasBegunForThisRecord() {
    CompletableFuture<String> begun = begin(P0, 5, VALUE);

    assertThat(memo.take(P0, 5, VALUE)).containsSame(begun);
    assertThat(memo.take(P0, 5, VALUE)).as("once").isEmpty();
    assertThat(memo.held()).isZero();
  }

  @Test
  void hasNothingWhereNothingWasBegun() {
    memo.reserve(P0, 5, VALUE);

    assertThat(memo.take(P0, 5, VALUE)).isEmpty();
    assertThat(memo.held()).isZero();
  }

  @Test
  void forgetsWhatIsBeforeTheRecordProcessed() {
    begin(P0, 1, VALUE);
    begin(P0, 2, VALUE);
    begin(P0, 4, VALUE);

    assertThat(memo.take(P0, 3, VALUE)).isEmpty();

    assertThat(memo.held()).as("only offset 4 is left").isEqualTo(30);
    assertThat(memo.take(P0, 4, VALUE)).isPresent();
  }

  @Test
  void refusesWhatDoesNotFit() {
    for (int offset = 0; offset < 3; offset++) {
      assertThat(memo.reserve(P0, offset, VALUE)).isPresent();
    }

    assertThat(memo.reserve(P0, 3, VALUE)).as("a fourth 30 of 100").isEmpty();
    memo.take(P0, 0, VALUE);
    assertThat(memo.reserve(P0, 3, VALUE)).as("room again").isPresent();
  }

  @Test
  void expectsOfTheNextWhatTheLargestTookOfThoseThatCameLast() {
    begin(P0, 0, VALUE).complete("x".repeat(50));
    memo.take(P0, 0, VALUE);
    begin(P0, 1, VALUE).complete("x");
    memo.take(P0, 1, VALUE);

    assertThat(memo.reserve(P0, 2, VALUE)).isPresent();
    assertThat(memo.held()).isEqualTo(60);
    assertThat(memo.reserve(P0, 3, VALUE)).as("60 + 60 of 100").isEmpty();
  }

  @Test
  void learnsNothingOfOneThatFailedOrIsNotThereYet() {
    begin(P0, 0, VALUE).completeExceptionally(new IllegalStateException());
    begin(P0, 1, VALUE);

    assertThat(memo.take(P0, 0, VALUE)).isPresent();
    assertThat(memo.take(P0, 1, VALUE)).isPresent();
    assertThat(memo.reserve(P0, 2, VALUE)).isPresent();
    assertThat(memo.held()).isEqualTo(30);
  }

  @Test
  void keepsPartitionsApart() {
    begin(P0, 0, VALUE);
    begin(P1, 0, VALUE);

    memo.drop(P0);

    assertThat(memo.take(P0, 0, VALUE)).isEmpty();
    assertThat(memo.take(P1, 0, VALUE)).isPresent();
    assertThat(memo.held()).isZero();
  }

  @Test
  void replacesWhatIsReadAgain() {
    begin(P0, 0, VALUE);
    begin(P0, 1, VALUE);
    byte[] again = VALUE.clone();
    CompletableFuture<String> second = begin(P0, 0, again);

    assertThat(memo.held()).isEqualTo(30);
    assertThat(memo.take(P0, 0, again)).containsSame(second);
  }

  @Test
  void hasNothingForAnotherRecordAtTheSameOffset() {
    begin(P0, 0, VALUE);

    assertThat(memo.take(P0, 0, VALUE.clone()))
        .as("the topic may have been deleted and made again")
        .isEmpty();
    assertThat(memo.held()).isZero();
  }

  @Test
  void holdsNothingWithoutCapacity() {
    assertThat(new Memo<>(0, 0, String::length).reserve(P0, 0, VALUE)).isEmpty();
  }

  private CompletableFuture<String> begin(TopicPartition partition, long offset, byte[] value) {
    CompletableFuture<String> begun = new CompletableFuture<>();
    memo.reserve(partition, offset, value).orElseThrow().begun(begun);
    return begun;
  }
}
