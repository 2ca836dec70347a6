package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Source;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Heads;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LiveScorerTest {
  private static final String TOPIC = "t-records";
  private static final byte[] VALUE = "{\"id\": \"a\", \"x\": [1, 2, 3, 4]}".getBytes(UTF_8);
  private static final byte[] BAD = "{\"id\": \"b\", \"x\": [1]}".getBytes(UTF_8);

  @TempDir Path directory;
  private final InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
  private Bundle bundle;
  private Scoring scoring;

  @BeforeEach
  void load() throws Exception {
    bundle = Bundles.tabular(directory, 4, 3);
    scoring = Scoring.load(bundle, new ScoringSettings(1, 1, 16, false), metrics);
  }

  @AfterEach
  void close() {
    scoring.close();
  }

  @Test
  void answersFromWhatThePollBegan() throws Exception {
    LiveScorer scorer = scorer(1 << 20);
    scorer.accept(poll(TOPIC, VALUE, VALUE.clone()));
    assertThat(scorer.held()).isPositive();

    Scorer.Result first = scorer.score(new Source(TOPIC, 0, 0), null, VALUE);

    assertThat(first.recordId()).isEqualTo("a");
    assertThat(first.outcomes().get(0).top()).hasSize(2);
    assertThat(metrics.counts().inferred()).as("inferred ahead").isBetween(1L, 2L);
    scorer.closed(0);
    assertThat(scorer.held()).as("a revoked partition is forgotten").isZero();
  }

  /** Its features are finite, sums of them are not: it would stop whoever tries it again. */
  @Test
  void aRecordThatOverflowsTheHeadIsItsOwnFault() throws Exception {
    scoring.install(Heads.steep(bundle, 1, 3));
    byte[] large = "{\"id\": \"large\", \"x\": [1e30, 1e30, 1e30, 1e30]}".getBytes(UTF_8);
    LiveScorer scorer = scorer(1 << 20);
    scorer.accept(poll(TOPIC, VALUE, large));

    assertThat(scorer.score(new Source(TOPIC, 0, 0), null, VALUE).recordId()).isEqualTo("a");
    assertThatThrownBy(() -> scorer.score(new Source(TOPIC, 0, 1), null, large))
        .isInstanceOfSatisfying(
            InvalidRecordException.class, e -> assertThat(e.recordId()).isEqualTo("large"))
        .hasMessageContaining("non-finite logits");
  }

  @Test
  void infersEachRecordOnce() throws Exception {
    LiveScorer scorer = scorer(1 << 20);
    byte[][] values = new byte[100][];
    for (int i = 0; i < values.length; i++) {
      values[i] = VALUE.clone();
    }
    scorer.accept(poll(TOPIC, values));
    for (int i = 0; i < values.length; i++) {
      scorer.score(new Source(TOPIC, 0, i), null, values[i]);
    }

    assertThat(metrics.counts().inferred()).isEqualTo(values.length);
    assertThat(scorer.held()).isZero();
  }

  @Test
  void givesTheSameAnswerAheadOrNot() throws Exception {
    LiveScorer ahead = scorer(1 << 20);
    ahead.accept(poll(TOPIC, VALUE));
    LiveScorer never = scorer(0);
    never.accept(poll(TOPIC, VALUE));
    assertThat(never.held()).as("nothing fits").isZero();

    Scorer.Result one = ahead.score(new Source(TOPIC, 0, 0), null, VALUE);
    Scorer.Result other = never.score(new Source(TOPIC, 0, 0), null, VALUE);

    assertThat(one.outcomes().get(0).top()).isEqualTo(other.outcomes().get(0).top());
    assertThat(one.outcomes().get(0).features()).isEqualTo(other.outcomes().get(0).features());
  }

  @Test
  void appliesTheHeadThatIsLiveWhenTheRecordIsProcessed() throws Exception {
    LiveScorer scorer = scorer(1 << 20);
    byte[] second = VALUE.clone();
    scorer.accept(poll(TOPIC, VALUE, second));
    assertThat(scorer.score(new Source(TOPIC, 0, 0), null, VALUE).outcomes().get(0).headVersion())
        .isZero();

    scoring.install(TestHead.of(bundle, 1));

    Scorer.Result answer = scorer.score(new Source(TOPIC, 0, 1), null, second);
    assertThat(answer.outcomes().get(0).headVersion()).isEqualTo(1);
    assertThat(answer.outcomes().get(0).best().label()).isEqualTo("label-1");
    assertThat(metrics.counts().inferred()).as("the backbone does not run again").isEqualTo(2);
  }

  @Test
  void failsABadRecordInItsTurnOnly() throws Exception {
    LiveScorer scorer = scorer(1 << 20);
    byte[] last = VALUE.clone();
    scorer.accept(poll(TOPIC, VALUE, BAD, null, last));

    scorer.score(new Source(TOPIC, 0, 0), null, VALUE);
    assertThatThrownBy(() -> scorer.score(new Source(TOPIC, 0, 1), null, BAD))
        .isInstanceOf(InvalidRecordException.class)
        .hasMessageContaining("/x");
    assertThatThrownBy(() -> scorer.score(new Source(TOPIC, 0, 2), null, null))
        .isInstanceOf(InvalidRecordException.class);
    assertThat(scorer.score(new Source(TOPIC, 0, 3), null, last).recordId()).isEqualTo("a");
    assertThat(scorer.held()).isZero();
  }

  @Test
  void leavesOtherTopicsAlone() {
    LiveScorer scorer = scorer(1 << 20);

    scorer.accept(poll("t-labels", VALUE));

    assertThat(scorer.held()).isZero();
  }

  @Test
  void breaksRatherThanBlameTheRecordOnceScoringIsClosed() {
    LiveScorer scorer = scorer(1 << 20);
    scoring.close();
    scorer.accept(poll(TOPIC, VALUE));

    assertThatThrownBy(() -> scorer.score(new Source(TOPIC, 0, 0), null, VALUE))
        .as("a dead letter would lose a good record")
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void countsThePartitionsItScores() {
    LiveScorer scorer = scorer(1 << 20);
    scorer.opened(0);
    scorer.opened(3);
    scorer.closed(0);

    assertThat(scorer.partitions()).isEqualTo(1);
  }

  private LiveScorer scorer(long readAheadBytes) {
    StreamSettings defaults = StreamSettings.of("app", directory, new Selection(0, 0));
    StreamSettings settings =
        new StreamSettings(
            defaults.applicationId(),
            defaults.stateDir(),
            defaults.threads(),
            defaults.guarantee(),
            defaults.protocol(),
            defaults.commitInterval(),
            defaults.linger(),
            defaults.selection(),
            0,
            Duration.ofDays(1),
            2,
            readAheadBytes,
            128L << 20,
            defaults.closeTimeout());
    return new LiveScorer(
        scoring,
        List.of("colour"),
        Topics.of(TopicNames.prefixed("t")),
        settings,
        16,
        ScorerMetrics.NOOP);
  }

  private static ConsumerRecords<byte[], byte[]> poll(String topic, byte[]... values) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      records.add(new ConsumerRecord<>(topic, 0, i, null, values[i]));
    }
    return new ConsumerRecords<>(Map.of(new TopicPartition(topic, 0), records), Map.of());
  }
}
