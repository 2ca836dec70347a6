package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.InstanceOfAssertFactories.list;

import dev.headwater.metrics.InMemoryScorerMetrics.Counts;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.TaskPrediction;
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

class LabelJoinTest {
  private static final String UNSURE = "{\"id\": \"r1\", \"confidence\": 0.2}";
  private static final Duration TICK = Duration.ofSeconds(1);

  @TempDir Path state;
  private Driven driven;

  @BeforeEach
  void start() {
    driven = new Driven(state, new Selection(0, 0.5));
  }

  @AfterEach
  void stop() {
    driven.close();
  }

  @Test
  void emitsASampleWhenTheLabelComesAfterTheRecord() {
    driven.record(UNSURE);
    assertThat(samples()).as("no label yet").isEmpty();

    driven.label("r1", "no");

    Sample sample = onlySample();
    assertThat(sample.getLabel()).isEqualTo("no");
    assertThat(sample.getPredicted()).isEqualTo("yes");
    assertThat(sample.getReason()).isEqualTo(Reason.UNSURE);
    assertThat(SampleSerde.unpack(sample)).as("features").containsExactly(StubScorer.FEATURES);
    assertThat(sample.getRecordTime()).isEqualTo(Driven.START);
    assertThat(sample.getLabelTime()).as("when the label got here").isEqualTo(Driven.START);
    assertCounts(1, 1, 0, 0);
  }

  @Test
  void emitsASampleWhenTheLabelComesBeforeTheRecord() {
    driven.label("r1", "no");
    assertThat(samples()).as("no record yet").isEmpty();

    driven.record(UNSURE);

    assertThat(onlySample().getLabel()).isEqualTo("no");
    assertCounts(1, 1, 0, 0);
  }

  @Test
  void anIdThatIsNoTextIsNotTakenForAnother() {
    driven.record(UNSURE.replace("r1", "r?"));
    driven.rawLabel(
        "{\"recordId\": \"r\\ud800\", \"task\": \"answer\", \"label\": \"no\"}".getBytes(UTF_8));

    assertThat(samples()).isEmpty();
    assertCounts(1, 0, 0, 1);
  }

  @Test
  void emitsAgainWhenALabelIsCorrected() {
    driven.record(UNSURE);
    driven.label("r1", "no");
    driven.label("r1", "yes");

    assertThat(labels()).as("the last one wins").containsExactly("no", "yes");
    assertCounts(2, 2, 0, 0);
  }

  @Test
  void correctsALabelThatCameBeforeItsRecord() {
    driven.label("r1", "no");
    driven.record(UNSURE);
    driven.label("r1", "yes");

    assertThat(labels()).containsExactly("no", "yes");
    assertCounts(2, 2, 0, 0);
  }

  @Test
  void theSecondOfTwoEarlyLabelsReplacesTheFirst() {
    driven.label("r1", "no");
    driven.label("r1", "yes");
    driven.record(UNSURE);

    assertThat(labels()).containsExactly("yes");
    assertCounts(2, 1, 1, 0);
  }

  @Test
  void emitsAgainForARepeatedLabel() {
    driven.record(UNSURE);
    driven.label("r1", "no");
    driven.label("r1", "no");

    assertThat(labels()).as("the trainer upserts by record id").containsExactly("no", "no");
    assertCounts(2, 2, 0, 0);
  }

  @Test
  void aRecordReadTwiceWaitsOnce() {
    driven.record(UNSURE);
    driven.record(UNSURE);
    driven.label("r1", "no");

    assertThat(labels()).containsExactly("no");
    assertCounts(1, 1, 0, 0);
  }

  @Test
  void aLabelForAnUnknownRecordExpiresIntoTheUnmatched() {
    driven.label("nobody", "no");
    driven.advance(Driven.LABEL_WAIT.minus(TICK));
    assertCounts(1, 0, 0, 0);

    driven.advance(TICK);

    assertCounts(1, 0, 1, 0);
    assertThat(samples()).isEmpty();
  }

  @Test
  void aRecordForgetsAfterTheLabelWait() {
    driven.record(UNSURE);
    driven.advance(Driven.LABEL_WAIT);

    driven.label("r1", "no");

    assertThat(samples()).as("too late").isEmpty();
    driven.advance(Driven.LABEL_WAIT);
    assertCounts(1, 0, 1, 0);
  }

  @Test
  void aCorrectionDoesNotProlongTheWait() {
    driven.record(UNSURE);
    driven.advance(Driven.LABEL_WAIT.minus(TICK));
    driven.label("r1", "no");
    driven.advance(TICK);

    driven.label("r1", "yes");

    assertThat(labels()).containsExactly("no");
    driven.advance(Driven.LABEL_WAIT);
    assertCounts(2, 1, 1, 0);
  }

  @Test
  void expiresMoreThanOneSweepLooksAt() {
    int labels = 2_001;
    for (int i = 0; i < labels; i++) {
      driven.label("nobody-" + i, "no");
    }
    driven.advance(Driven.LABEL_WAIT);
    // each looks at one at least, and at more as long as its time lasts
    for (int i = 0; i < labels && driven.metrics.counts().labelsUnmatched() < labels; i++) {
      driven.advance(TICK);
    }

    assertCounts(labels, 0, labels, 0);
  }

  private Sample onlySample() {
    List<Sample> samples = samples();
    assertThat(samples).hasSize(1);
    return samples.get(0);
  }

  private List<String> labels() {
    return samples().stream().map(Sample::getLabel).toList();
  }

  private List<Sample> samples() {
    return driven.read(driven.topics.samples()).stream().map(TestRecord::value).toList();
  }

  private void assertCounts(long received, long matched, long unmatched, long deadLettered) {
    Counts counts = driven.metrics.counts();
    assertThat(counts.labelsReceived()).as("received").isEqualTo(received);
    assertThat(counts.labelsMatched()).as("matched").isEqualTo(matched);
    assertThat(counts.labelsUnmatched()).as("unmatched").isEqualTo(unmatched);
    assertThat(counts.labelsDeadLettered()).as("dead-lettered").isEqualTo(deadLettered);
  }

  @Test
  void joinsEachTaskOfARecordWithItsOwnLabel() {
    StubScorer stub = new StubScorer();
    stub.tasks = 2;
    try (Driven two =
        new Driven(
            state.resolve("two"), new Selection(0, .9), new Limits(1 << 20, Map.of()), stub)) {
      two.label("r1", "mood", "no");
      two.record("{\"id\": \"r1\", \"confidence\": 0.4}");
      two.label("r1", "answer", "yes");

      assertThat(two.read(two.topics.predictions()))
          .extracting(prediction -> prediction.value().tasks())
          .singleElement(list(TaskPrediction.class))
          .extracting(TaskPrediction::task)
          .containsExactly("answer", "mood");
      assertThat(two.read(two.topics.review()))
          .extracting(item -> item.value().task())
          .containsExactly("answer", "mood");
      assertThat(two.read(two.topics.samples()))
          .extracting(s -> s.value().getTask() + "=" + s.value().getLabel())
          .containsExactlyInAnyOrder("mood=no", "answer=yes");
      assertThat(two.metrics.counts().received()).as("it is one record").isEqualTo(1);
      assertThat(two.metrics.counts().predicted()).isEqualTo(1);
      assertThat(two.metrics.counts().reviewed()).isEqualTo(2);
    }
  }
}
