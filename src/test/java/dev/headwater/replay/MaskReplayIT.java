package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Masks;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.stream.selection.Selection;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.time.Duration;
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
    Bundle bundle = Spots.bundle(directory.resolve("bundle"));
    Masks masks = bundle.task().masks().orElseThrow();
    Path stream = Spots.write(directory.resolve("stream.jsonl"), masks, 400);
    ReplaySettings settings =
        new ReplaySettings(
            Optional.of(stream),
            List.of("mask"),
            Map.of(),
            Optional.of("domain"),
            10,
            Duration.ZERO,
            true,
            Optional.empty(),
            Optional.of(directory.resolve("report.json")),
            Optional.empty(),
            Duration.ofMinutes(1));
    Pipeline pipeline =
        Replays.pipeline(bundle, directory, new Selection(.3, .9), Optional.empty());

    ReplayReport report =
        new Replay(settings, pipeline, Replays.display(new ByteArrayOutputStream()))
            .run(new CountDownLatch(1));

    assertThat(report.predictions()).isEqualTo(400);
    assertThat(report.deadLetters()).isZero();
    assertThat(report.versions()).anyMatch(v -> v.verdict().equals("accepted"));
    ReplayReport.Comparison iou = report.iou();
    assertThat(iou).isNotNull();
    assertThat(iou.frozen().overall()).as("weights that nobody trained").isLessThan(.6);
    assertThat(iou.adaptive().segments().get(9))
        .as("learned by the last tenth")
        .isGreaterThan(.85)
        .isGreaterThan(iou.frozen().segments().get(9));
    assertThat(report.byDomain()).containsOnlyKeys("clear", "dim");
    assertThat(report.finalHead()).isNotNull();
    assertThat(Path.of(report.finalHead())).exists();
  }
}
