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
    CompletableFuture<String> begun = memo.reserve(P0, 5, VALUE).orElseThrow();

    assertThat(memo.take(P0, 5, VALUE)).containsSame(begun);
    assertThat(memo.take(P0, 5, VALUE)).as("once").isEmpty();
    assertThat(memo.held()).isZero();
  }

  @Test
  void forgetsWhatIsBeforeTheRecordProcessed() {
    memo.reserve(P0, 1, VALUE);
    memo.reserve(P0, 2, VALUE);
    memo.reserve(P0, 4, VALUE);

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
  void chargesWhatAResultTurnsOutToTakeAndExpectsItOfTheNext() {
    CompletableFuture<String> begun = memo.reserve(P0, 0, VALUE).orElseThrow();
    begun.complete("x".repeat(50));

    assertThat(memo.held()).isEqualTo(60);
    assertThat(memo.reserve(P0, 1, VALUE)).as("60 + 60 of 100").isEmpty();
  }

  @Test
  void chargesLessForAResultSmallerThanExpected() {
    memo.reserve(P0, 0, VALUE).orElseThrow().complete("x");

    assertThat(memo.held()).isEqualTo(11);
  }

  @Test
  void chargesNothingForAResultThatComesTooLate() {
    CompletableFuture<String> begun = memo.reserve(P0, 0, VALUE).orElseThrow();
    memo.take(P0, 0, VALUE);
    begun.complete("x");

    assertThat(memo.held()).isZero();
  }

  @Test
  void keepsPartitionsApart() {
    memo.reserve(P0, 0, VALUE);
    memo.reserve(P1, 0, VALUE);

    memo.drop(P0);

    assertThat(memo.take(P0, 0, VALUE)).isEmpty();
    assertThat(memo.take(P1, 0, VALUE)).isPresent();
    assertThat(memo.held()).isZero();
  }

  @Test
  void replacesWhatIsReadAgain() {
    memo.reserve(P0, 0, VALUE);
    byte[] again = VALUE.clone();
    CompletableFuture<String> second = memo.reserve(P0, 0, again).orElseThrow();

    assertThat(memo.held()).isEqualTo(30);
    assertThat(memo.take(P0, 0, again)).containsSame(second);
  }

  @Test
  void hasNothingForAnotherRecordAtTheSameOffset() {
    memo.reserve(P0, 0, VALUE);

    assertThat(memo.take(P0, 0, VALUE.clone()))
        .as("the topic may have been deleted and made again")
        .isEmpty();
    assertThat(memo.held()).isZero();
  }

  @Test
  void holdsNothingWithoutCapacity() {
    assertThat(new Memo<>(0, 0, String::length).reserve(P0, 0, VALUE)).isEmpty();
  }
}
