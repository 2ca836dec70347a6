package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.metrics.InMemoryScorerMetrics.Counts;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Measure;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.selection.Selection;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScoringTopologyTest {
  private static final Path DESCRIPTION =
      Path.of("src/test/resources/dev/headwater/stream/topology.txt");
  private static final Selection BELOW_HALF = new Selection(0, 0.5);
  private static final Selection AUDIT_ALL = new Selection(1, 0.5);

  @TempDir Path state;
  private Driven driven;

  @BeforeEach
  void start() {
    driven = new Driven(state.resolve("half"), BELOW_HALF);
  }

  @AfterEach
  void stop() {
    driven.close();
  }

  @Test
  void staysWhatInstancesOfAnotherVersionAndTheirStateTakeItFor() throws IOException {
    String description =
        Driven.topology(
                Topics.of(TopicNames.prefixed("t")),
                Driven.settings(state, BELOW_HALF),
                new StubScorer(),
                new Limits(1 << 20, Map.of()),
                new InMemoryScorerMetrics())
            .get()
            .describe()
            .toString();
    driven.record("{\"id\": \"r1\", \"confidence\": 0.25}"); // waits for its label
    driven.label("r2", "yes"); // waits for its record

    assertThat(description + "Internal topics: " + driven.internalTopics() + "\n")
        .as(
            """
            the topology that is deployed. In a rolling upgrade old and new instances share one \
            group, and a task, a store and a changelog are found by these names and numbers: after \
            a change here an instance of one version is given tasks of the other, and records that \
            wait for their labels, and labels for their records, are lost without a word. If it has \
            to be, say in the release notes that all instances are to be stopped at once, and what \
            is lost; then put the new one into %s"""
                .formatted(DESCRIPTION))
        .isEqualTo(Files.readString(DESCRIPTION));
  }

  @Test
  void predictsAConfidentRecordAndAsksNothing() {
    driven.record("{\"id\": \"r1\", \"confidence\": 0.5}");

    TestRecord<byte[], Prediction> prediction = onlyPrediction();
    assertThat(prediction.value())
        .isEqualTo(
            new Prediction(
                "r1",
                new TaskPrediction(
                    "answer",
                    "yes",
                    0.5,
                    List.of(new Scored("yes", 0.5), new Scored("no", 0)),
                    7,
                    null),
                new Source("t-records", 0, 0),
                null));
    assertThat(prediction.key()).as("the producer's key").isEqualTo("key".getBytes(UTF_8));
    assertThat(prediction.timestamp())
        .as("the record's time")
        .isEqualTo(Driven.START.toEpochMilli());
    assertNothingKept();
    assertCounts(1, 1, 0, 0);
  }

  @Test
  void sendsAnUnsureRecordToReviewWithItsPrediction() {
    driven.record("{\"id\": \"r1\", \"confidence\": 0.25}");

    assertThat(reviews())
        .containsExactly(
            new ReviewItem(
                "r1",
                "answer",
                Reason.UNSURE,
                "{\"id\": \"r1\", \"confidence\": 0.25}",
                false,
                new Scored("yes", 0.25),
                new Source("t-records", 0, 0)));
    Sample pending = only(driven.read(driven.topics.pending())).value();
    assertThat(pending.getReason()).isEqualTo(Reason.UNSURE);
    assertThat(pending.getWeight()).isEqualTo(1);
    assertThat(pending.getBackbone()).isEqualTo("backbone-1");
    assertThat(pending.getHeadVersion()).isEqualTo(7);
    assertThat(pending.getLabel()).as("waits for it").isNull();
    assertCounts(1, 1, 0, 1);
  }

  @Test
  void hidesThePredictionOfAnAuditRecordFromTheAnnotator() {
    try (Driven audited = new Driven(state.resolve("audit"), new Selection(0.5, 0.5))) {
      String drawn = anyId(true, 0.5);
      audited.record("{\"id\": \"" + drawn + "\", \"confidence\": 0.9}");

      ReviewItem item = only(audited.read(audited.topics.review())).value();
      assertThat(item.reason()).isEqualTo(Reason.AUDIT);
      assertThat(item.prediction()).as("would lead the annotator").isNull();
      Sample pending = only(audited.read(audited.topics.pending())).value();
      assertThat(pending.getWeight()).as("1 / audit share").isEqualTo(2);
      assertThat(pending.getPredicted()).as("the trainer may know").isEqualTo("yes");
    }
  }

  @Test
  void weighsAnAuditRecordThatIsUnsureTooAsCertainlyIncluded() {
    try (Driven audited = new Driven(state.resolve("audit"), new Selection(0.5, 0.5))) {
      audited.record("{\"id\": \"" + anyId(true, 0.5) + "\", \"confidence\": 0.1}");

      ReviewItem item = only(audited.read(audited.topics.review())).value();
      assertThat(item.reason()).as("what hides the prediction").isEqualTo(Reason.AUDIT);
      assertThat(item.prediction()).isNull();
      assertThat(only(audited.read(audited.topics.pending())).value().getWeight()).isEqualTo(1);
    }
  }

  @Test
  void sendsAnInlineLabelStraightToSamples() {
    driven.record("{\"id\": \"r1\", \"confidence\": 0.25, \"label\": \"no\"}");

    Sample sample = only(driven.read(driven.topics.samples())).value();
    assertThat(sample.getLabel()).isEqualTo("no");
    assertThat(sample.getPredicted()).isEqualTo("yes");
    assertThat(sample.getReason()).isEqualTo(Reason.UNSURE);
    assertThat(reviews()).as("nobody needs to label it").isEmpty();
    assertThat(driven.read(driven.topics.pending())).isEmpty();
    assertCounts(1, 1, 0, 0);
  }

  @Test
  void dropsTheInlineLabelOfARecordNotSelected() {
    driven.record("{\"id\": \"r1\", \"confidence\": 0.9, \"label\": \"no\"}");

    assertNothingKept();
    assertCounts(1, 1, 0, 0);
  }

  @Test
  void isUnsureOfEverythingWhileNoHeadIsLive() {
    driven.scorer.headVersion = -1;
    driven.record("{\"id\": \"r1\", \"confidence\": 0.9}");

    TaskPrediction prediction = onlyPrediction().value().leading();
    assertThat(prediction.label()).isNull();
    assertThat(prediction.confidence()).isZero();
    assertThat(prediction.top()).isEmpty();
    assertThat(only(driven.read(driven.topics.review())).value().prediction()).isNull();
    assertThat(only(driven.read(driven.topics.pending())).value().getPredicted()).isNull();
    assertCounts(1, 1, 0, 1);
  }

  @Test
  void takesTheRecordIdFromTheHeaderThenTheFieldThenThePosition() {
    Headers headers = new RecordHeaders().add("headwater-record-id", "h".getBytes(UTF_8));
    driven.record("k", "{\"id\": \"f\"}".getBytes(UTF_8), headers);
    driven.record("{\"id\": \"f\"}");
    driven.record("{}");

    assertThat(driven.read(driven.topics.predictions()))
        .extracting(p -> p.value().recordId())
        .containsExactly("h", "f", "t-records-0-2");
  }

  @Test
  void namesTheHeadAndCarriesTheTraceInHeaders() {
    String trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    Headers headers =
        new RecordHeaders()
            .add("traceparent", trace.getBytes(UTF_8))
            .add("tracestate", "a=b".getBytes(UTF_8))
            .add("secret", "s".getBytes(UTF_8));
    driven.record("k", "{}".getBytes(UTF_8), headers);

    TestRecord<byte[], Prediction> prediction = onlyPrediction();
    assertThat(Driven.header(prediction, "headwater-head-version")).isEqualTo("7");
    assertThat(Driven.header(prediction, "traceparent")).isEqualTo(trace);
    assertThat(Driven.header(prediction, "tracestate")).isEqualTo("a=b");
    assertThat(Driven.header(prediction, "secret")).as("not ours to spread").isNull();
  }

  @Test
  void sendsReviewItemsThatAreNoTextAsBase64() {
    driven.scorer.binary = true;
    driven.record("k", new byte[] {(byte) 0xff, 0}, new RecordHeaders());

    ReviewItem item = reviews().get(0);
    assertThat(item.base64()).isTrue();
    assertThat(item.payload()).isEqualTo("/wA=");
  }

  @Test
  void tellsTheScorerWhichPartitionsItReads() {
    driven.record("{}");
    assertThat(driven.scorer.open).containsExactly(0);

    driven.close();

    assertThat(driven.scorer.open).as("what was read ahead is forgotten").isEmpty();
    driven = new Driven(state.resolve("again"), BELOW_HALF);
  }

  @Test
  void auditsEveryRecordAtAShareOfOne() {
    try (Driven audited = new Driven(state.resolve("audit"), AUDIT_ALL)) {
      audited.record("{\"confidence\": 1}");

      assertThat(only(audited.read(audited.topics.review())).value().reason())
          .isEqualTo(Reason.AUDIT);
    }
  }

  private static String anyId(boolean drawn, double share) {
    Selection selection = new Selection(share, 0);
    for (int i = 0; ; i++) {
      if (selection.audits("id-" + i) == drawn) {
        return "id-" + i;
      }
    }
  }

  private void assertNothingKept() {
    assertThat(reviews()).as("review").isEmpty();
    assertThat(driven.read(driven.topics.pending())).as("pending").isEmpty();
    assertThat(driven.read(driven.topics.samples())).as("samples").isEmpty();
    assertThat(driven.read(driven.topics.deadLetters())).as("dead letters").isEmpty();
  }

  private List<ReviewItem> reviews() {
    return driven.read(driven.topics.review()).stream().map(TestRecord::value).toList();
  }

  private TestRecord<byte[], Prediction> onlyPrediction() {
    return only(driven.read(driven.topics.predictions()));
  }

  private static <T> T only(List<T> list) {
    assertThat(list).hasSize(1);
    return list.get(0);
  }

  private void assertCounts(long received, long predicted, long deadLettered, long reviewed) {
    assertThat(driven.metrics.counts())
        .isEqualTo(new Counts(received, predicted, deadLettered, reviewed, 0, 0, 0, 0, 0, 0, 0));
  }

  @Test
  void sendsTheFeaturesOfRecordsDrawnForThemWithoutALabel() {
    StubScorer stub = new StubScorer();
    stub.unlabelled = .25;
    Limits limits = new Limits(1 << 20, Map.of());
    try (Driven drawing = new Driven(state.resolve("drawing"), BELOW_HALF, limits, stub)) {
      for (int i = 0; i < 2_000; i++) {
        drawing.record("{\"id\": \"r%d\", \"label\": \"yes\"}".formatted(i));
      }

      List<Sample> samples =
          drawing.read(drawing.topics.samples()).stream().map(TestRecord::value).toList();
      assertThat(samples).hasSizeBetween(440, 560);
      assertThat(samples)
          .allSatisfy(
              sample -> {
                assertThat(sample.getReason()).isEqualTo(Reason.UNLABELLED);
                assertThat(sample.getLabel()).as("not even where the record brings it").isNull();
                assertThat(sample.getWeight()).isEqualTo(4);
                assertThat(sample.getPredicted()).isEqualTo("yes");
                assertThat(SampleSerde.unpack(sample)).isEqualTo(Driven.drawn(StubScorer.FEATURES));
              });
      assertThat(drawing.read(drawing.topics.review())).isEmpty();
      assertThat(drawing.read(drawing.topics.pending())).isEmpty();
    }
  }

  @Test
  void drawsARecordOnceForTasksOfOneKindOfFeatures() {
    StubScorer stub = new StubScorer();
    stub.unlabelled = .25;
    stub.tasks = 2;
    stub.drawsNone = "mood";
    Limits limits = new Limits(1 << 20, Map.of());
    try (Driven drawing = new Driven(state.resolve("once"), BELOW_HALF, limits, stub)) {
      for (int i = 0; i < 400; i++) {
        drawing.record("{\"id\": \"r%d\"}".formatted(i));
      }

      List<Sample> samples =
          drawing.read(drawing.topics.samples()).stream().map(TestRecord::value).toList();
      assertThat(samples)
          .hasSizeBetween(60, 140)
          .allSatisfy(sample -> assertThat(sample.getTask()).isEqualTo("answer"));
    }
  }

  @Test
  void comparesWhatTasksThatAreCutAtDifferentPlacesAskedAboutEachWithItsOwn() {
    Selection search = new Selection(0, .5, Measure.MAX_PROBABILITY, .3, Optional.empty());
    StubScorer stub = new StubScorer();
    stub.tasks = 2;
    Limits limits = new Limits(1 << 20, Map.of());
    try (Driven two = new Driven(state.resolve("cuts"), search, limits, stub)) {
      for (int i = 0; i < 100; i++) {
        stub.secondConfidence = i % 2 == 0 ? .3 : .45; // less sure than the first, and surer
        two.record(
            "{\"id\": \"r%d\", \"confidence\": 0.4, \"features\": [%d, %d, 0]}"
                .formatted(i, i % 10, i / 10));
      }

      assertThat(two.read(two.topics.deadLetters())).isEmpty();
      assertThat(two.read(two.topics.review())).as("of each both tasks").hasSize(200);
    }
  }

  @Test
  void tellsCopiesByWhatRecordsAreComparedBy() {
    Selection search = new Selection(0, .5, Measure.MAX_PROBABILITY, .3, Optional.empty());
    try (Driven searching = new Driven(state.resolve("searching"), search)) {
      String unsure = "{\"id\": \"r%d\", \"confidence\": 0.4, \"features\": [%d, %d, %d]}";
      for (int i = 0; i < 64; i++) {
        searching.record(unsure.formatted(i, i % 8, i / 8, 0));
      }
      assertThat(searching.read(searching.topics.review())).hasSize(64);

      searching.record(unsure.formatted(64, 3, 4, 1_000));
      searching.record(unsure.formatted(65, 9, 9, 0));

      assertThat(searching.read(searching.topics.review()))
          .as("far from all in what is not compared by; far in what is")
          .extracting(TestRecord::key)
          .containsExactly("r65");
    }
  }

  @Test
  void asksForEveryTaskOfARecordThatOneOfThemIsUnsureOf() {
    StubScorer stub = new StubScorer();
    stub.tasks = 2;
    stub.secondConfidence = 1;
    Limits limits = new Limits(1 << 20, Map.of());
    try (Driven two = new Driven(state.resolve("two"), BELOW_HALF, limits, stub)) {
      two.record("{\"id\": \"r1\", \"confidence\": 0.4}");
      two.record("{\"id\": \"r2\", \"confidence\": 0.6}");

      assertThat(two.read(two.topics.review()))
          .extracting(item -> item.value().recordId() + " " + item.value().task())
          .containsExactly("r1 answer", "r1 mood");
    }
  }

  @Test
  void asksWhereATaskIsBelowItsOwnThreshold() {
    StubScorer stub = new StubScorer();
    stub.tasks = 2;
    Selection own =
        new Selection(
            0,
            0.5,
            Measure.MAX_PROBABILITY,
            0,
            Optional.empty(),
            Double.POSITIVE_INFINITY,
            Map.of("mood", new Selection.LowConfidence(0.9, Measure.MAX_PROBABILITY)));
    try (Driven strict =
        new Driven(state.resolve("own"), own, new Limits(1 << 20, Map.of()), stub)) {
      strict.record("{\"id\": \"r1\", \"confidence\": 0.8}");
      strict.record("{\"id\": \"r2\", \"confidence\": 0.95}");

      assertThat(strict.read(strict.topics.review()))
          .extracting(item -> item.value().recordId())
          .as("the mood of r1 is unsure, and so its answer is asked for as well")
          .containsExactly("r1", "r1");
    }
  }

  @Test
  void leavesItToOtherTasksToAskForOneWhoseThresholdIsNought() {
    StubScorer stub = new StubScorer();
    stub.tasks = 2;
    stub.secondIsCold = true;
    Selection quiet =
        new Selection(
            0,
            0.5,
            Measure.MAX_PROBABILITY,
            0,
            Optional.empty(),
            Double.POSITIVE_INFINITY,
            Map.of("mood", new Selection.LowConfidence(0, Measure.MAX_PROBABILITY)));
    try (Driven two =
        new Driven(state.resolve("quiet"), quiet, new Limits(1 << 20, Map.of()), stub)) {
      two.record("{\"id\": \"r1\", \"confidence\": 0.4}");
      two.record("{\"id\": \"r2\", \"confidence\": 0.6}");

      assertThat(two.read(two.topics.review()))
          .extracting(item -> item.value().recordId() + " " + item.value().task())
          .as("a cold mood asks about nothing, and is asked for where the answer is unsure")
          .containsExactly("r1 answer", "r1 mood");
    }
  }
}
