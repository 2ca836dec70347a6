package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.bundle.Bundle;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.stream.selection.Selection;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the demo shows: a real transformer that meets requests it has never seen, and learns them.
 */
class DemoIT {
  private static final Path CORPUS = Path.of("deploy/examples/support");

  @TempDir Path directory;
  private final ByteArrayOutputStream shown = new ByteArrayOutputStream();

  @Test
  void startsFromHistoryAndLearnsTheLaunchedIntents() throws Exception {
    Bundle bundle =
        Bundle.load(Path.of("deploy/examples/bundles/support.yaml"), Path.of("target/encoder"));
    Pipeline pipeline =
        Replays.pipeline(
            bundle,
            directory,
            new Selection(.05, .9),
            Optional.of(CORPUS.resolve("history.jsonl")));
    ReplaySettings settings =
        new ReplaySettings(
            Optional.of(CORPUS.resolve("stream.jsonl")),
            List.of("label"),
            Map.of(),
            Optional.empty(),
            40,
            Duration.ZERO,
            true,
            Optional.empty(),
            Optional.empty(),
            Optional.empty(),
            Duration.ofMinutes(1));

    ReplayReport report =
        new Replay(settings, pipeline, Replays.display(shown)).run(new CountDownLatch(1));

    assertThat(report.predictions()).isEqualTo(960);
    assertThat(report.deadLetters()).isEqualTo(0);
    assertThat(report.duplicates()).isEqualTo(0);
    assertThat(report.accuracy().frozen().segments().get(0))
        .as("head 1 knows what history taught it")
        .isGreaterThan(.7);
    assertThat(report.accuracy().frozen().segments().get(9))
        .as("most of the late stream is new to it")
        .isLessThan(.5);
    assertThat(report.accuracy().adaptive().segments().get(9))
        .as("learned from the stream")
        .isGreaterThan(.65);
    assertThat(report.versions().get(0).trigger()).isEqualTo("history");
    assertThat(report.versions()).extracting(ReplayReport.Version::verdict).contains("accepted");
    assertThat(shown.toString(StandardCharsets.UTF_8))
        .contains("head 1 is live and knows 16 labels", "960 of 960 records", "serves from record");
  }
}
