package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.bundle.Bundle;
import dev.headwater.gate.GateSettings;
import dev.headwater.replay.report.Display;
import dev.headwater.replay.report.ReplayReport;
import dev.headwater.replay.report.Style;
import dev.headwater.schema.TopicSettings;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.Selection;
import dev.headwater.stream.StreamSettings;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
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
        .allSatisfy(share -> assertThat(share).isLessThan(.05));
    assertThat(report.finalHead()).isNotNull();
    assertThat(Path.of(report.finalHead())).exists();
    assertThat(shown.toString(StandardCharsets.UTF_8)).contains("300 of 300 records");
  }

  @Test
  void refusesToSendALabelThatTheBundleWouldRead() throws Exception {
    Path stream = DriftingStream.write(directory.resolve("stream.jsonl"), 10, 0);

    assertThatThrownBy(() -> replay(stream, false, List.of("truth")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("records would be sent with their label")
        .hasMessageContaining("[truth]");
  }

  private ReplayReport replay(Path stream, boolean adapt, List<String> truthFields)
      throws Exception {
    Bundle bundle = DriftingStream.bundle(directory.resolve("bundle"));
    ReplaySettings settings =
        new ReplaySettings(
            Optional.of(stream),
            truthFields,
            200,
            Duration.ZERO,
            adapt,
            Optional.empty(),
            Optional.of(directory.resolve("report.json")),
            Optional.of(directory.resolve("dump")),
            Duration.ofMinutes(1));
    Pipeline pipeline =
        new Pipeline(
            bundle,
            new TopicSettings(2, 2, (short) 1, Duration.ofHours(1), Duration.ofHours(1)),
            StreamSettings.of("unused", directory.resolve("unused"), new Selection(.1, .9)),
            ScoringSettings.defaults(),
            AdaptSettings.of("unused"),
            GateSettings.DEFAULT,
            Optional.empty(),
            Map.of());
    Display display =
        new Display(
            new PrintStream(shown, false, StandardCharsets.UTF_8), new Style(false, false, 100));
    return new Replay(settings, pipeline, display).run(new CountDownLatch(1));
  }
}
