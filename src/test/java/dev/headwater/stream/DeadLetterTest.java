package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.metrics.InMemoryScorerMetrics.Counts;
import dev.headwater.schema.Label;
import dev.headwater.stream.guard.DeadLetterHandler;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeadLetterTest {
  private static final Selection BELOW_HALF = new Selection(0, 0.5);

  @TempDir Path state;
  private Driven driven;

  @BeforeEach
  void start() {
    driven = new Driven(state.resolve("a"), BELOW_HALF);
  }

  @AfterEach
  void stop() {
    driven.close();
  }

  @Test
  void carriesTheOriginalBytesWithCauseFieldAndId() {
    Headers headers = new RecordHeaders().add("mine", "1".getBytes(UTF_8));
    driven.record("k", "{".getBytes(UTF_8), headers);

    TestRecord<byte[], byte[]> dead = onlyDeadLetter();
    assertThat(dead.key()).isEqualTo("k".getBytes(UTF_8));
    assertThat(dead.value()).isEqualTo("{".getBytes(UTF_8));
    assertThat(Driven.header(dead, "mine")).as("the producer's headers").isEqualTo("1");
    assertThat(Driven.header(dead, "headwater-field")).isEqualTo("value");
    assertThat(Driven.header(dead, "headwater-record-id")).isEqualTo("t-records-0-0");
    assertThat(Driven.header(dead, "__streams.errors.message")).isEqualTo("value is not JSON");
    assertThat(Driven.header(dead, "__streams.errors.exception"))
        .isEqualTo("dev.headwater.bundle.InvalidRecordException");
    assertThat(Driven.header(dead, "__streams.errors.topic")).isEqualTo("t-records");
    assertThat(Driven.header(dead, "__streams.errors.offset")).isEqualTo("0");
    assertThat(Driven.header(dead, "headwater-record-time"))
        .isEqualTo("" + Driven.START.toEpochMilli());
    assertThat(dead.getRecordTime())
        .as("its retention begins now, however old the record")
        .isAfter(Driven.START.plus(Duration.ofDays(30)));
    assertCounts(1, 0, 1);
  }

  @Test
  void takesOnlyTheBadRecordAndLeavesItsNeighbours() {
    driven.record("{\"id\": \"before\"}");
    driven.record("{");
    driven.record("{\"id\": \"after\"}");

    assertThat(driven.read(driven.topics.predictions()))
        .extracting(p -> p.value().recordId())
        .containsExactly("before", "after");
    assertCounts(3, 2, 1);
  }

  @Test
  void takesATombstone() {
    driven.record("k", null, new RecordHeaders());

    assertThat(onlyDeadLetter().value()).as("original: null").isNull();
    assertCounts(1, 0, 1);
  }

  @Test
  void repeatsTheIdFromTheHeader() {
    Headers headers = new RecordHeaders().add("headwater-record-id", "h".getBytes(UTF_8));
    driven.record("k", "{".getBytes(UTF_8), headers);

    TestRecord<byte[], byte[]> dead = onlyDeadLetter();
    assertThat(dead.headers().headers("headwater-record-id")).as("once").hasSize(1);
    assertThat(Driven.header(dead, "headwater-record-id")).isEqualTo("h");
  }

  @Test
  void takesARecordTheNetworkItselfFailsOn() {
    driven.record("{\"fail\": true}");
    driven.record("{\"id\": \"after\"}");

    TestRecord<byte[], byte[]> dead = onlyDeadLetter();
    assertThat(Driven.header(dead, "__streams.errors.message")).isEqualTo("native failure");
    assertThat(Driven.header(dead, "__streams.errors.stacktrace"))
        .as("a failure nobody foresaw keeps its stack")
        .contains("StubScorer.score");
    assertCounts(2, 1, 1);
  }

  @Test
  void takesAnInlineLabelOutsideAClosedLabelSet() {
    driven.record("{\"id\": \"r1\", \"label\": \"maybe\"}");

    TestRecord<byte[], byte[]> dead = onlyDeadLetter();
    assertThat(Driven.header(dead, "headwater-field")).isEqualTo("/label");
    assertThat(Driven.header(dead, "headwater-record-id")).isEqualTo("r1");
    assertThat(driven.read(driven.topics.predictions())).as("nothing half done").isEmpty();
    assertCounts(1, 0, 1);
  }

  @Test
  void takesARecordWhoseReviewItemWouldNotFitWithoutAHalfWrittenPrediction() {
    Limits limits = new Limits(1 << 20, Map.of("t-review", 1_000));
    try (Driven tight = new Driven(state.resolve("tight"), BELOW_HALF, limits)) {
      String unsure = "{\"id\": \"r1\", \"confidence\": 0.1, \"text\": \"" + "x".repeat(1_000);
      tight.record(unsure + "\"}");
      tight.record(unsure.replace("0.1", "0.9") + "\"}");

      assertThat(tight.read(tight.topics.predictions()))
          .as("only the one that needs no review")
          .hasSize(1);
      TestRecord<byte[], byte[]> dead = tight.read(tight.topics.deadLetters()).get(0);
      assertThat(Driven.header(dead, "__streams.errors.message"))
          .contains("t-review")
          .contains("1000");
      assertThat(tight.metrics.counts().deadLettered()).isEqualTo(1);
    }
  }

  @Test
  void shedsTheValueWhereTheDeadLetterItselfWouldNotFit() {
    Limits limits = new Limits(1 << 20, Map.of("t-dead-letters", 4_000));
    try (Driven tight = new Driven(state.resolve("tight"), BELOW_HALF, limits)) {
      tight.record("key", "{".repeat(5_000).getBytes(UTF_8), new RecordHeaders());

      TestRecord<byte[], byte[]> dead = tight.read(tight.topics.deadLetters()).get(0);
      assertThat(dead.value()).isNull();
      assertThat(dead.key()).isEqualTo("key".getBytes(UTF_8));
      assertThat(Driven.header(dead, DeadLetterHandler.OMITTED_HEADER))
          .isEqualTo("5000 bytes of value");
      assertThat(Driven.header(dead, "__streams.errors.offset")).as("where it lies").isEqualTo("0");
    }
  }

  @Test
  void shedsKeyAndHeadersWhereEvenThatWouldNotFit() {
    Limits limits = new Limits(1 << 20, Map.of("t-dead-letters", 4_000));
    try (Driven tight = new Driven(state.resolve("tight"), BELOW_HALF, limits)) {
      Headers headers = new RecordHeaders().add("mine", new byte[5_000]);
      tight.record("k".repeat(5_000), "{".getBytes(UTF_8), headers);

      TestRecord<byte[], byte[]> dead = tight.read(tight.topics.deadLetters()).get(0);
      assertThat(dead.key()).isNull();
      assertThat(Driven.header(dead, "mine")).isNull();
      assertThat(Driven.header(dead, "__streams.errors.message")).isEqualTo("value is not JSON");
      assertThat(Driven.header(dead, "headwater-field")).isEqualTo("value");
    }
  }

  @Test
  void isNotForARecordThatMeetsABrokenScorer() {
    assertThatThrownBy(() -> driven.record("{\"break\": true}"))
        .as("the task stops and commits nothing: a restart scores the record")
        .isInstanceOf(StreamsException.class)
        .hasRootCauseMessage("scoring is closed");
    assertCounts(0, 0, 0);
  }

  @Test
  void isNotForFailuresAfterTheFirstForward() {
    DeadLetterHandler handler = new DeadLetterHandler();
    handler.configure(Map.of("errors.dead.letter.queue.topic.name", "dead"));

    assertThat(handler.handleError(null, null, new StreamsException("sink failed")).result())
        .as("going on would commit outputs half written")
        .hasToString("FAIL");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "not json | value |",
        "[] | value |",
        "null | value |",
        "{\"task\": \"answer\", \"label\": \"no\"} | /recordId |",
        "{\"recordId\": \" \", \"task\": \"answer\", \"label\": \"no\"} | /recordId |",
        "{\"recordId\": \"r1\", \"label\": \"no\"} | /task | r1",
        "{\"recordId\": \"r1\", \"task\": \"other\", \"label\": \"no\"} | /task | r1",
        "{\"recordId\": \"r1\", \"task\": \"answer\"} | /label | r1",
        "{\"recordId\": \"r1\", \"task\": \"answer\", \"label\": \"maybe\"} | /label | r1",
        "{\"recordId\": \"r1\", \"task\": \"answer\", \"label\": NaN} | /label | r1",
        "{\"recordId\": \"r1\", \"task\": \"answer\", \"label\": {}} | /label | r1",
        "{\"recordId\": \"r1\", \"task\": \"answer\", \"label\": [1]} | /label | r1",
      })
  void takesALabelThatIsNone(String value, String field, String recordId) {
    driven.rawLabel(value.getBytes(UTF_8));
    driven.rawLabel(Driven.json(new Label("r2", "answer", "no")));

    TestRecord<byte[], byte[]> dead = onlyDeadLetter();
    assertThat(dead.value()).isEqualTo(value.getBytes(UTF_8));
    assertThat(Driven.header(dead, "headwater-field")).isEqualTo(field);
    assertThat(Driven.header(dead, "headwater-record-id")).isEqualTo(recordId);
    assertThat(driven.metrics.counts())
        .as("the good label waits")
        .isEqualTo(new Counts(0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0));
  }

  @Test
  void aRecordWhoseEarlyLabelWasTooLargeWaitsForAnother() {
    Limits limits = new Limits(1 << 20, Map.of("t-samples", 1_000));
    try (Driven small =
        new Driven(
            state.resolve("b"),
            BELOW_HALF,
            limits,
            new StubScorer(),
            (label, field, recordId) -> {})) {
      small.label("r1", "x".repeat(2_000));
      small.record("{\"id\": \"r1\", \"confidence\": 0.2}");
      assertThat(small.read(small.topics.deadLetters())).hasSize(1);

      small.label("r1", "no");

      assertThat(small.read(small.topics.samples()))
          .extracting(sample -> sample.value().getLabel())
          .containsExactly("no");
    }
  }

  @Test
  void takesALabelThatIsTooLargeWithItsRecordId() {
    Limits limits = new Limits(1 << 20, Map.of("t-labels-by-id", 1_000));
    try (Driven tight = new Driven(state.resolve("tight"), BELOW_HALF, limits)) {
      String id = "r".repeat(1_000);
      tight.label(id, "no");

      TestRecord<byte[], byte[]> dead = tight.read(tight.topics.deadLetters()).get(0);
      assertThat(Driven.header(dead, "headwater-record-id")).isEqualTo(id);
      assertThat(Driven.header(dead, "__streams.errors.message")).contains("t-labels-by-id");
      assertThat(tight.metrics.counts().labelsDeadLettered()).isEqualTo(1);
    }
  }

  @Test
  void takesALabelThatIsATombstoneOrEmptyOrNotUtf8() {
    driven.rawLabel(null);
    driven.rawLabel(new byte[0]);
    driven.rawLabel("{\"recordId\": \"r\u00e9\"}".getBytes(ISO_8859_1));

    assertThat(driven.read(driven.topics.deadLetters())).hasSize(3);
    assertThat(driven.metrics.counts()).isEqualTo(new Counts(0, 0, 0, 0, 3, 0, 0, 3, 0, 0, 0));
  }

  @Test
  void isNeverRetried() {
    for (int i = 0; i < 50; i++) {
      driven.record("{");
    }

    assertThat(driven.read(driven.topics.deadLetters())).hasSize(50);
    assertThat(driven.read(driven.topics.predictions())).isEmpty();
    assertCounts(50, 0, 50);
  }

  private TestRecord<byte[], byte[]> onlyDeadLetter() {
    List<TestRecord<byte[], byte[]>> dead = driven.read(driven.topics.deadLetters());
    assertThat(dead).hasSize(1);
    return dead.get(0);
  }

  private void assertCounts(long received, long predicted, long deadLettered) {
    assertThat(driven.metrics.counts())
        .isEqualTo(new Counts(received, predicted, deadLettered, 0, 0, 0, 0, 0, 0, 0, 0));
  }
}
