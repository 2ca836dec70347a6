package dev.headwater.replay.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Kind;
import dev.headwater.schema.Estimate;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.Verdict;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TallyTest {
  @Test
  void aTruthThatIsNoNumberTellsNothing() {
    Kind log = new Kind.Quantity(true);
    Tally numbers =
        new Tally(
            Map.of("ppm", List.of("n/a", "0", "20")),
            List.of(),
            Map.of("ppm", log),
            Map.of(),
            (task, label) -> label,
            () -> 0);
    for (int i = 0; i < 3; i++) {
      numbers.predicted(i, estimated(10), 12);
    }

    assertThat(numbers.report(Map.of()).rmse().adaptive().overall())
        .isCloseTo(Math.log(2), within(1e-6));
  }

  @Test
  void whatIsSaidCountsUnderTheNamesOfItsTruths() {
    Map<String, String> now = Map.of("old", "new", "one", "new", "new", "new");
    Tally tally =
        new Tally(
            Map.of("task", Arrays.asList("new", "new", "other", null)),
            List.of(),
            Map.of(),
            Map.of(),
            (task, label) -> now.get(label),
            () -> 0);
    String[] said = {"one", "old", "new", "gone"};
    for (int i = 0; i < said.length; i++) {
      TaskPrediction prediction =
          new TaskPrediction("task", said[i], 1, List.of(), 1, new Scored(said[i], 1));
      tally.predicted(i, Prediction.of("r" + i, new Source("t", 0, i), List.of(prediction)), 1);
    }

    ReplayReport.Comparison accuracy = tally.report(Map.of()).accuracy();
    assertThat(accuracy.adaptive().overall())
        .as("of three: the truth of one is not known")
        .isEqualTo(2 / 3.0);
    assertThat(accuracy.frozen().overall()).isEqualTo(2 / 3.0);
  }

  private static Prediction estimated(double value) {
    TaskPrediction said =
        new TaskPrediction(
            "ppm", null, 1, List.of(), 1, null, null, new Estimate(value, null, null), null);
    return Prediction.of("r", new Source("t", 0, 0), List.of(said));
  }

  @Test
  void aRecordThatIsLabelledForTwoTasksIsOneRecord() {
    Tally two = new Tally(Map.of("a", List.of("x", "x"), "b", List.of("y", "y")), () -> 0);
    two.delivered("a", "r1");
    two.delivered("b", "r1");

    assertThat(two.progress().labels()).isEqualTo(2);
    assertThat(two.progress().labelled()).isEqualTo(1);
    assertThat(two.report(Map.of()).labelsUsedFraction()).isEqualTo(.5);
  }

  @Test
  void tellsTheAccuracyOfEachTaskApart() {
    Map<String, List<@Nullable String>> truths = new LinkedHashMap<>();
    truths.put("a", List.of("x", "x"));
    truths.put("b", List.of("x", "y"));
    Tally two = new Tally(truths, () -> 0);
    for (int i = 0; i < 2; i++) {
      List<TaskPrediction> said = List.of(labelled("a", "x"), labelled("b", "x"));
      two.predicted(i, Prediction.of("r" + i, new Source("t", 0, i), said), 12);
    }

    assertThat(two.progress().adaptive()).as("of the first").isEqualTo(1);
    assertThat(two.progress().tasks())
        .containsEntry("a", new Progress.Rolling(1.0, null))
        .containsEntry("b", new Progress.Rolling(.5, null));
  }

  private static TaskPrediction labelled(String task, String label) {
    return new TaskPrediction(task, label, 1, List.of(new Scored(label, 1)), 1, null);
  }

  private final AtomicLong nanos = new AtomicLong();

  @Test
  void judgesEveryRecordUnderTheHeadThatScoredItInItsSegment() {
    Tally tally = tally(Collections.nCopies(20, "a"));

    for (int i = 0; i < 20; i++) {
      tally.predicted(i, prediction(i < 10 ? "a" : "b", 1, "a"), 12);
    }

    ReplayReport report = tally.report(Map.of());
    assertThat(report.accuracy().adaptive().overall()).isEqualTo(.5);
    assertThat(report.accuracy().adaptive().segments())
        .containsExactly(1., 1., 1., 1., 1., 0., 0., 0., 0., 0.);
    assertThat(report.accuracy().frozen().overall()).isEqualTo(1);
  }

  @Test
  void cutsAnyLengthIntoTenSegmentsThatHoldEveryRecordOnce() {
    for (int n : new int[] {1, 7, 10, 13, 59, 60, 61, 4773, 12750}) {
      Tally tally = tally(Collections.nCopies(n, "a"));
      int[] expectedRight = new int[10];
      int[] expected = new int[10];
      for (int i = 0; i < n; i++) {
        boolean right = i % 3 == 0;
        expected[(int) (i * 10L / n)]++;
        expectedRight[(int) (i * 10L / n)] += right ? 1 : 0;
        tally.predicted(i, prediction(right ? "a" : "b", 1, null), 12);
      }

      List<@Nullable Double> segments = tally.report(Map.of()).accuracy().adaptive().segments();

      for (int s = 0; s < 10; s++) {
        assertThat(segments.get(s))
            .as("segment %d of %d records", s, n)
            .isEqualTo(
                expected[s] == 0 ? null : (Double) ((double) expectedRight[s] / expected[s]));
      }
    }
  }

  @Test
  void countsOutcomesBeyondTheFirstAsDuplicatesAndJudgesOnlyTheFirst() {
    Tally tally = tally(List.of("a", "a"));

    tally.predicted(0, prediction("a", 1, null), 12);
    tally.predicted(0, prediction("b", 1, null), 12);
    tally.deadLettered(0);
    tally.deadLettered(1);

    ReplayReport report = tally.report(Map.of());
    assertThat(report.predictions()).isEqualTo(2);
    assertThat(report.deadLetters()).isEqualTo(2);
    assertThat(report.duplicates()).isEqualTo(2);
    assertThat(report.accuracy().adaptive().overall()).isEqualTo(1);
    assertThat(tally.progress().complete()).isTrue();
  }

  @Test
  void judgesEachTaskOfARecordByItsOwnTruth() {
    Map<String, List<@Nullable String>> truths = new LinkedHashMap<>();
    truths.put("task", List.of("a", "a"));
    truths.put("other", List.of("b", "c"));
    Tally tally = new Tally(truths, () -> 0);

    for (int i = 0; i < 2; i++) {
      List<TaskPrediction> both = List.of(said("task", "a", 1, null), said("other", "c", 2, null));
      tally.predicted(i, Prediction.of("id", new Source("records", 0, i), both), 12);
    }

    ReplayReport report = tally.report(Map.of());
    assertThat(report.predictions()).as("one a record").isEqualTo(2);
    assertThat(report.duplicates()).isZero();
    assertThat(report.accuracy().adaptive().overall()).isEqualTo(1);
    assertThat(report.tasks().get("other").accuracy().adaptive().overall()).isEqualTo(.5);
  }

  @Test
  void leavesRecordsWithoutTruthOrPredictionOutOfTheAccuracy() {
    Tally tally = tally(Arrays.asList("a", null, "a"));

    tally.predicted(0, prediction("b", 1, null), 12);
    tally.predicted(1, prediction("b", 1, null), 12);
    tally.deadLettered(2);

    assertThat(tally.report(Map.of()).accuracy().adaptive().overall()).isEqualTo(0);
    assertThat(tally.report(Map.of()).accuracy().adaptive().segments())
        .as("only the first segment has a judged record")
        .startsWith((Double) 0.)
        .filteredOn(share -> share != null)
        .hasSize(1);
  }

  @Test
  void doesNotCallAFrozenHeadWrongThatNeverSpoke() {
    Tally tally = tally(List.of("a"));

    tally.predicted(0, prediction("a", 1, null), 12);

    assertThat(tally.report(Map.of()).accuracy().frozen().overall()).isNull();
    assertThat(tally.progress().frozen()).isNull();
  }

  @Test
  void countsAColdStartAsWrongForBothHeads() {
    Tally tally = tally(List.of("a", "a"));

    tally.predicted(0, prediction(null, 0, null), 12);
    tally.predicted(1, prediction("a", 1, "a"), 12);

    assertThat(tally.report(Map.of()).accuracy().adaptive().overall()).isEqualTo(.5);
    assertThat(tally.report(Map.of()).accuracy().frozen().overall()).isEqualTo(.5);
  }

  @Test
  void datesAVersionByItsFirstRecordAndARefusedOneByItsVerdict() {
    Tally tally = tally(Collections.nCopies(10, "a"));
    tally.predicted(0, prediction("a", 0, null), 12);
    tally.predicted(1, prediction("a", 0, null), 12);
    tally.judged(info(1, true));
    tally.predicted(5, prediction("a", 1, null), 12);
    tally.predicted(4, prediction("a", 1, null), 12);
    tally.judged(info(2, false));
    tally.predicted(6, prediction("a", 1, null), 12);
    tally.judged(info(2, false));

    List<ReplayReport.Version> versions = tally.report(Map.of()).versions();

    assertThat(versions)
        .containsExactly(
            new ReplayReport.Version(1, 4, "samples", "cpu", "accepted", "why", 33),
            new ReplayReport.Version(2, 4, "samples", "cpu", "refused", "why", 33));
  }

  @Test
  void countsARecordsSamplesAndItsLabelOnce() {
    Tally tally = tally(Collections.nCopies(8, "a"));
    tally.sampled("task", "x", Reason.UNSURE);
    tally.sampled("task", "x", Reason.UNSURE);
    tally.sampled("task", "y", Reason.AUDIT);
    tally.delivered("task", "x");
    tally.delivered("task", "y");
    tally.delivered("task", "y");

    ReplayReport report = tally.report(Map.of());

    assertThat(report.samples()).isEqualTo(new ReplayReport.Samples(1, 1));
    assertThat(report.labelsUsedFraction()).isEqualTo(.25);
  }

  @Test
  void measuresFromTheFirstRecordSentToTheLastOutcome() {
    Tally tally = tally(Collections.nCopies(500, "a"));
    tally.started();
    for (int i = 0; i < 500; i++) {
      nanos.addAndGet(Duration.ofMillis(i < 250 ? 10 : 5).toNanos());
      tally.predicted(i, prediction("a", 1, null), i + 1);
    }
    nanos.addAndGet(Duration.ofHours(1).toNanos());

    assertThat(tally.report(Map.of()).throughput().recordsPerSecond())
        .as("500 records in 3.75 s")
        .isCloseTo(500 / 3.75, within(1e-9));
    assertThat(tally.progress().recordsPerSecond())
        .as("the latest went at one in 5 ms")
        .isCloseTo(200, within(1e-6));
    assertThat(tally.report(Map.of()).latency())
        .isEqualTo(new ReplayReport.Latency(.25, .475, .495, .5));
  }

  @Test
  void writesTheStableKeys(@TempDir Path directory) throws Exception {
    Tally tally = tally(List.of("a"));
    tally.predicted(0, prediction("a", 1, "b"), 12);
    tally.judged(info(1, true));
    Path file = directory.resolve("new/out.json");

    tally.report(Map.of("task", "out-head.onnx")).write(file);

    JsonNode json = Json.MAPPER.readTree(file.toFile());
    assertThat(names(json))
        .containsExactly(
            "records",
            "predictions",
            "deadLetters",
            "duplicates",
            "samples",
            "labelsUsedFraction",
            "accuracy",
            "versions",
            "throughput",
            "latency",
            "finalHead",
            "tasks");
    assertThat(names(json.path("samples"))).containsExactly("unsure", "audit");
    assertThat(names(json.path("accuracy"))).containsExactly("adaptive", "frozen");
    assertThat(names(json.at("/accuracy/frozen"))).containsExactly("overall", "segments");
    assertThat(json.at("/accuracy/adaptive/segments")).hasSize(10);
    assertThat(names(json.at("/versions/0")))
        .containsExactly("version", "atRecord", "trigger", "device", "verdict", "reason", "judged");
    assertThat(names(json.path("throughput"))).containsExactly("recordsPerSecond");
    assertThat(names(json.path("latency"))).containsExactly("p50", "p95", "p99", "max");
    assertThat(json.path("finalHead").asText()).isEqualTo("out-head.onnx");
  }

  private Tally tally(List<@Nullable String> truths) {
    return new Tally(Map.of("task", truths), nanos::get);
  }

  private static List<String> names(JsonNode node) {
    List<String> names = new java.util.ArrayList<>();
    node.fieldNames().forEachRemaining(names::add);
    return names;
  }

  static Prediction prediction(@Nullable String label, long version, @Nullable String frozen) {
    return new Prediction(
        "id", said("task", label, version, frozen), new Source("records", 0, 0), null);
  }

  private static TaskPrediction said(
      String task, @Nullable String label, long version, @Nullable String frozen) {
    return new TaskPrediction(
        task,
        label,
        label == null ? 0 : .75,
        List.of(),
        version,
        frozen == null ? null : new Scored(frozen, .5));
  }

  static HeadInfo info(long version, boolean accepted) {
    return new HeadInfo(
        "task",
        version,
        version - 1,
        List.of("a", "b"),
        "backbone",
        Instant.EPOCH,
        "samples",
        "cpu",
        new Verdict(accepted, "why", 33, Map.of()));
  }
}
