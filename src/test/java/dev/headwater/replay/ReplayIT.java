package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Bundle;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.replay.traffic.LabelledStream;
import dev.headwater.replay.traffic.Truth;
import dev.headwater.schema.Json;
import dev.headwater.stream.selection.Selection;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The whole pipeline, scorer and trainer as deployed, on a stream that drifts. */
class ReplayIT {
  @TempDir Path directory;
  private final ByteArrayOutputStream shown = new ByteArrayOutputStream();

  @Test
  void measuresTheBundlesOwnHeadWhereNothingAdapts() throws Exception {
    Path stream = DriftingStream.write(directory.resolve("stream.jsonl"), 300, 50);

    ReplayReport report = replay(stream, false, List.of("label"));

    assertThat(report.records()).isEqualTo(300);
    assertThat(report.predictions()).isEqualTo(294);
    assertThat(report.deadLetters()).as("the records with a NaN").isEqualTo(6);
    assertThat(report.duplicates()).isEqualTo(0);
    assertThat(report.versions()).isEmpty();
    assertThat(report.accuracy().adaptive())
        .as("the same head on the same records")
        .isEqualTo(report.accuracy().frozen());
    assertThat(report.accuracy().frozen().segments().subList(0, 5))
        .allSatisfy(share -> assertThat(share).isGreaterThan(.95));
    assertThat(report.accuracy().frozen().segments().subList(5, 10))
        .allSatisfy(share -> assertThat(share).isLessThan(.2));
    assertThat(report.finalHead()).isNotNull();
    assertThat(Path.of(report.finalHead())).exists();
    assertThat(shown.toString(StandardCharsets.UTF_8)).contains("300 of 300 records");
  }

  @Test
  void learnsADriftThatTheFrozenHeadNeverRecoversFrom() throws Exception {
    Path stream = DriftingStream.write(directory.resolve("stream.jsonl"), 1200, 100);

    ReplayReport report = replay(stream, true, List.of("label"));

    assertThat(report.predictions()).isEqualTo(1188);
    assertThat(report.deadLetters()).isEqualTo(12);
    assertThat(report.duplicates()).isEqualTo(0);
    assertThat(report.accuracy().adaptive().segments().get(9))
        .as(
            "relearned by the last tenth, how far depends on the machine's pace: %s, %s",
            report.accuracy(), report.versions())
        .isGreaterThan(.7);
    assertThat(report.accuracy().frozen().segments().get(9)).isLessThan(.2);
    assertThat(report.accuracy().adaptive().overall())
        .isGreaterThan(report.accuracy().frozen().overall());
    assertThat(report.versions())
        .filteredOn(v -> v.verdict().equals("accepted"))
        .isNotEmpty()
        .allSatisfy(
            v -> {
              assertThat(v.judged()).isPositive();
              assertThat(v.device()).isEqualTo("cpu");
            });
    assertThat(report.labelsUsedFraction())
        .as("every delivered label became one sample, and only those that asked got one")
        .isEqualTo((report.samples().unsure() + report.samples().audit()) / 1200.)
        .isBetween(.05, .95);
    recountFromTheDump(
        report, LabelledStream.open(stream, List.of(), Map.of("cluster", Truth.of("label"))));
    assertThatTheExportedHeadGivesTheLabelsOfTheStream(report);
  }

  @Test
  void refusesToSendALabelThatTheBundleWouldRead() throws Exception {
    Path stream = DriftingStream.write(directory.resolve("stream.jsonl"), 10, 0);

    assertThatThrownBy(() -> replay(stream, false, List.of("truth")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("line 1: record would be sent with its label:")
        .hasMessageContaining("[truth]");
  }

  @Test
  void refusesToSendALabelThatOnlyOneRecordWouldBring() throws Exception {
    Path stream = DriftingStream.write(directory.resolve("stream.jsonl"), 10, 0);
    List<String> lines = new ArrayList<>(Files.readAllLines(stream));
    lines.replaceAll(line -> line.replace("\"label\"", "\"truth\""));
    lines.add(3, "");
    lines.set(7, lines.get(7).replace("\"truth\"", "\"label\""));
    Files.write(stream, lines);

    assertThatThrownBy(() -> replay(stream, false, List.of("truth")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("line 8: record would be sent with its label:");
  }

  @Test
  void tellsWhatItFoundAlthoughItsHeadCannotBeWritten() throws Exception {
    Path stream = DriftingStream.write(directory.resolve("stream.jsonl"), 30, 0);
    Files.createDirectory(directory.resolve("report-head.onnx"));

    assertThatThrownBy(() -> replay(stream, false, List.of("label")))
        .isInstanceOf(IOException.class);

    assertThat(shown.toString(StandardCharsets.UTF_8)).contains("30 predictions");
    assertThat(directory.resolve("report.json")).exists();
  }

  @Test
  void endsWhileItLearnsFromHistory() throws Exception {
    Path history = DriftingStream.write(directory.resolve("history.jsonl"), 30, 0);
    CountDownLatch cancelled = new CountDownLatch(1);
    OutputStream cancelling =
        new FilterOutputStream(shown) {
          @Override
          public void flush() {
            if (shown.toString(StandardCharsets.UTF_8).contains("records embedded")) {
              cancelled.countDown();
            }
          }
        };
    Pipeline pipeline =
        Replays.pipeline(
            DriftingStream.bundle(directory.resolve("bundle")),
            directory,
            new Selection(.3, .9),
            Optional.of(history));

    assertThatThrownBy(
            () ->
                new Replay(
                        settings(history, true, List.of("label")),
                        pipeline,
                        Replays.display(cancelling))
                    .run(cancelled))
        .isInstanceOf(InterruptedException.class);
    assertThat(shown.toString(StandardCharsets.UTF_8))
        .contains("30 of 30 records embedded")
        .doesNotContain("starting the scorer");
  }

  /** By record id, from what a read_committed consumer saw, and nothing else. */
  private void recountFromTheDump(ReplayReport report, LabelledStream stream) throws Exception {
    Map<String, Integer> index = new HashMap<>();
    for (int i = 0; i < stream.size(); i++) {
      index.put(stream.recordId(i), i);
    }
    int[] right = new int[10];
    int[] judged = new int[10];
    Map<Long, Integer> first = new HashMap<>();
    for (JsonNode prediction : dumped("predictions.jsonl")) {
      int i = index.remove(prediction.path("recordId").asText());
      int segment = i * 10 / stream.size();
      judged[segment]++;
      right[segment] +=
          prediction.path("label").asText().equals(stream.truth("cluster", i)) ? 1 : 0;
      first.merge(prediction.path("headVersion").asLong(), i, Math::min);
    }
    assertThat(index).as("records without a prediction").hasSize(report.deadLetters());
    for (int s = 0; s < 10; s++) {
      assertThat(report.accuracy().adaptive().segments().get(s))
          .as("segment %d", s)
          .isEqualTo((double) right[s] / judged[s]);
    }
    for (ReplayReport.Version version : report.versions()) {
      if (first.containsKey(version.version())) {
        assertThat(version.atRecord()).isEqualTo(first.get(version.version()));
      }
    }
    assertThat(
            dumped("samples.jsonl").stream()
                .filter(sample -> !sample.path("reason").asText().equals("UNLABELLED"))
                .map(sample -> sample.path("recordId").asText())
                .distinct())
        .hasSize(report.samples().unsure() + report.samples().audit());
  }

  private void assertThatTheExportedHeadGivesTheLabelsOfTheStream(ReplayReport report)
      throws Exception {
    long last =
        report.versions().stream()
            .filter(v -> v.verdict().equals("accepted"))
            .mapToLong(ReplayReport.Version::version)
            .max()
            .orElseThrow();
    Map<String, JsonNode> records = new HashMap<>();
    for (JsonNode record :
        lines(directory.resolve("stream.jsonl"), line -> !line.contains("NaN"))) {
      records.put(record.path("id").asText(), record.path("x"));
    }
    long newest = 0;
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    try (OrtSession session =
        environment.createSession(Objects.requireNonNull(report.finalHead()))) {
      for (JsonNode prediction : dumped("predictions.jsonl")) {
        long version = prediction.path("headVersion").asLong();
        newest = Math.max(newest, version);
        if (version == last) {
          JsonNode x = records.get(prediction.path("recordId").asText());
          float[][] input = {{x.path(0).floatValue(), x.path(1).floatValue()}};
          try (OnnxTensor tensor = OnnxTensor.createTensor(environment, input);
              OrtSession.Result result = session.run(Map.of("x", tensor))) {
            assertThat("c" + best(((float[][]) result.get(0).getValue())[0]))
                .as("record %s", prediction.path("recordId").asText())
                .isEqualTo(prediction.path("label").asText());
          }
        }
      }
    }
    assertThat(newest).as("a head that was learned has served").isPositive();
  }

  private static int best(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    return best;
  }

  private List<JsonNode> dumped(String name) throws IOException {
    return lines(directory.resolve("dump").resolve(name), line -> true);
  }

  private static List<JsonNode> lines(Path file, Predicate<String> wanted) throws IOException {
    List<JsonNode> nodes = new ArrayList<>();
    for (String line : Files.readAllLines(file)) {
      if (wanted.test(line)) {
        nodes.add(Json.MAPPER.readTree(line));
      }
    }
    return nodes;
  }

  private ReplayReport replay(Path stream, boolean adapt, List<String> truthFields)
      throws Exception {
    Bundle bundle = DriftingStream.bundle(directory.resolve("bundle"));
    Pipeline pipeline =
        Replays.pipeline(bundle, directory, new Selection(.3, .9), Optional.empty());
    return new Replay(settings(stream, adapt, truthFields), pipeline, Replays.display(shown))
        .run(new CountDownLatch(1));
  }

  private ReplaySettings settings(Path stream, boolean adapt, List<String> truthFields) {
    return new ReplaySettings(
        Optional.of(stream),
        truthFields,
        Map.of(),
        Optional.empty(),
        150,
        Duration.ZERO,
        adapt,
        Optional.empty(),
        Optional.of(directory.resolve("report.json")),
        Optional.of(directory.resolve("dump")),
        Duration.ofMinutes(1));
  }
}
