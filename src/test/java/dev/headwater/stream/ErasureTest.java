package dev.headwater.stream;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Sample;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A record that is erased leaves nothing behind in the join, and everybody downstream is told. */
class ErasureTest {
  @TempDir Path state;
  private Driven driven;

  @BeforeEach
  void start() {
    StubScorer stub = new StubScorer();
    stub.tasks = 2;
    driven = new Driven(state, new Selection(0, .9), new Limits(1 << 20, Map.of()), stub);
  }

  @AfterEach
  void stop() {
    driven.close();
  }

  @Test
  void aRecordThatWaitsIsForgottenForEveryTask() {
    record("r1");
    record("r1-more");
    driven.erase("r1");

    driven.label("r1", "answer", "yes");
    driven.label("r1", "mood", "no");
    driven.label("r1-more", "mood", "no");

    assertThat(samples())
        .extracting(TestRecord::key, sample -> sample.value() == null)
        .as("a tombstone, and what has only the beginning of its id in common")
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("r1", true),
            org.assertj.core.groups.Tuple.tuple("r1-more", false));
  }

  @Test
  void whatOnlyBeginsWithTheIdAndANulIsAnother() {
    record("r1\\u0000more");
    driven.erase("r1");

    driven.label("r1\0more", "mood", "no");

    assertThat(samples()).extracting(TestRecord::key).containsExactly("r1", "r1\0more");
  }

  @Test
  void annotatorsAreToldToo() {
    record("r1");
    driven.erase("r1");

    List<TestRecord<String, ReviewItem>> review = driven.read(driven.topics.review());
    assertThat(review).extracting(TestRecord::key).containsOnly("r1").hasSize(3);
    assertThat(review.get(2).value()).isNull();
  }

  @Test
  void aLabelThatWaitsForItsRecordIsForgotten() {
    driven.label("r1", "answer", "yes");
    driven.erase("r1");
    record("r1");

    assertThat(samples()).extracting(TestRecord::value).containsOnlyNulls();
    assertThat(driven.metrics.counts().labelsUnmatched()).isEqualTo(1);
    assertThat(driven.metrics.counts().labelsReceived()).as("an erasure is none").isEqualTo(1);
  }

  @Test
  void afterItTheRecordIsOneLikeAnyOther() {
    driven.erase("r1");
    record("r1");
    driven.label("r1", "answer", "yes");

    assertThat(samples()).hasSize(2);
    assertThat(driven.read(driven.topics.deadLetters())).isEmpty();
  }

  /** As where the join lags: which of its two topics comes first there, nobody knows. */
  @Test
  void aRecordThatIsReadAfterItsErasureIsErasedToo() {
    record("r1");
    Sample waits = driven.read(driven.topics.pending()).get(0).value();
    driven.advance(Duration.ofSeconds(1));
    driven.erase("r1");
    driven.pending(waits, Driven.START);
    driven.label("r1", waits.getTask(), "yes");

    assertThat(samples()).extracting(TestRecord::value).containsOnlyNulls().hasSize(1);

    driven.pending(waits, Driven.START.plusSeconds(2));
    assertThat(samples()).as("one that came again").hasSize(1).doesNotContainNull();
  }

  @Test
  void whatIsRememberedOfAnErasureIsNoLabelThatNobodyTook() {
    driven.erase("r1");
    driven.advance(Driven.LABEL_WAIT.multipliedBy(2));

    assertThat(driven.metrics.counts().labelsUnmatched()).isZero();
  }

  private void record(String id) {
    driven.record("{\"id\": \"%s\", \"confidence\": 0.4}".formatted(id));
  }

  private List<TestRecord<String, Sample>> samples() {
    return driven.read(driven.topics.samples());
  }
}
