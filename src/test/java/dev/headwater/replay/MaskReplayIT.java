package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Masks;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.schema.Json;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.stream.selection.Selection;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Masks through the whole pipeline, scorer and trainer as deployed. */
class MaskReplayIT {
  @TempDir Path directory;

  @Test
  void learnsToTellSpotsFromWhatIsAroundThem() throws Exception {
    ReplayReport report =
        replay(Spots.bundle(directory.resolve("bundle")), 400, 6, Optional.empty());

    assertThat(report.predictions()).isEqualTo(400);
    assertThat(report.deadLetters()).isZero();
    assertThat(report.versions()).anyMatch(v -> v.verdict().equals("accepted"));
    ReplayReport.Comparison iou = report.iou();
    assertThat(iou).isNotNull();
    assertThat(iou.frozen().overall()).as("weights that nobody trained").isLessThan(.6);
    assertThat(iou.adaptive().segments().get(9))
        .as("learned by the last tenth; how well depends on how many trainings the machine manages")
        .isGreaterThan(.6)
        .isGreaterThan(iou.frozen().segments().get(9));
    assertThat(report.byDomain()).containsOnlyKeys("clear", "dim");
    assertThat(report.finalHead()).isNotNull();
    assertThat(Path.of(report.finalHead())).exists();
    Masks masks = Spots.bundle(directory.resolve("again")).task().masks().orElseThrow();
    assertThat(Files.readAllLines(directory.resolve("predictions.jsonl")))
        .hasSize(400)
        .allSatisfy(
            line ->
                assertTellsItsMask(Json.MAPPER.readValue(line, Prediction.class).leading(), masks));
    List<JsonNode> drawn = new ArrayList<>();
    for (String line : Files.readAllLines(directory.resolve("samples.jsonl"))) {
      JsonNode sample = Json.MAPPER.readTree(line);
      if (sample.get("reason").asText().equals("UNLABELLED")) {
        drawn.add(sample);
      }
    }
    assertThat(drawn)
        .as("three tenths of the pictures, for what drift is seen in")
        .hasSizeBetween(90, 150);
    assertThat(drawn)
        .allSatisfy(
            sample -> {
              assertThat(sample.get("label").isNull()).isTrue();
              assertThat(sample.get("confidence").asDouble()).isGreaterThanOrEqualTo(.5);
              assertThat(sample.get("features")).as("each channel's mean").hasSize(4);
            });
  }

  private static void assertTellsItsMask(TaskPrediction prediction, Masks masks) throws Exception {
    byte[] classes = masks.decode(String.valueOf(prediction.mask()), "mask", null);
    int light = 0;
    for (byte pixel : classes) {
      light += pixel;
    }
    double all = classes.length;
    assertThat(prediction.shares())
        .isEqualTo(Map.of("dark", (all - light) / all, "light", light / all));
    assertThat(prediction.leastConfidence())
        .as("of two labels the one that is told has half at least")
        .isBetween(.5, prediction.confidence());
  }

  @Test
  void aClassifierWithANewDenseHeadLearnsItFromNothing() throws Exception {
    Bundle bundle = Bundles.newDense(directory.resolve("bundle"), Spots.SIDE, Spots.SIDE);

    ReplayReport report = replay(bundle, 240, 10, Optional.empty());

    assertThat(report.predictions()).isEqualTo(240);
    assertThat(report.deadLetters()).isZero();
    ReplayReport.Version first =
        report.versions().stream()
            .filter(v -> v.verdict().equals("accepted"))
            .findFirst()
            .orElseThrow();
    assertThat(first.atRecord()).as("nothing was said before").isPositive();
    ReplayReport.Comparison iou = report.iou();
    assertThat(iou).isNotNull();
    assertThat(iou.adaptive().segments().get(0)).as("cold").isLessThan(.2);
    assertThat(iou.adaptive().segments().get(9)).as("learned").isGreaterThan(.6);
    String file = report.finalHead();
    assertThat(file).isNotNull();
    OnnxFile exported = OnnxFile.read(Path.of(file));
    assertThat(exported.inputs()).singleElement().hasToString("image FLOAT[?, 1, 20, 20]");
    assertThat(exported.outputs()).singleElement().hasToString("logits FLOAT[?, 2, 20, 20]");
  }

  @Test
  void labelledHistoryBeginsItToo() throws Exception {
    Bundle bundle = Bundles.newDense(directory.resolve("bundle"), Spots.SIDE, Spots.SIDE);
    Path history = directory.resolve("history.jsonl");
    Spots.write(history, bundle.task().masks().orElseThrow(), 40);

    ReplayReport report = replay(bundle, 60, 20, Optional.of(history));

    assertThat(report.predictions()).isEqualTo(60);
    assertThat(report.iou()).isNotNull();
    assertThat(report.iou().adaptive().segments().get(0)).as("from the start").isGreaterThan(.4);
  }

  /**
   * @param rate pictures a second: few where much is to be learned, for trainings take their time
   */
  private ReplayReport replay(Bundle bundle, int size, int rate, Optional<Path> history)
      throws Exception {
    Masks masks = bundle.task().masks().orElseThrow();
    Path stream = Spots.write(directory.resolve("stream.jsonl"), masks, size);
    ReplaySettings settings =
        new ReplaySettings(
            Optional.of(stream),
            List.of("mask"),
            Map.of(),
            Optional.of("domain"),
            rate,
            Duration.ZERO,
            true,
            Optional.empty(),
            Optional.of(directory.resolve("report.json")),
            Optional.of(directory),
            Duration.ofMinutes(1));
    Pipeline pipeline = Replays.pipeline(bundle, directory, new Selection(.3, .9), history);
    return new Replay(settings, pipeline, Replays.display(new ByteArrayOutputStream()))
        .run(new CountDownLatch(1));
  }
}
