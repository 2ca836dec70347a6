package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.stream.selection.Selection;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What ends a replay before there is a broker. */
class ReplayTest {
  @TempDir Path directory;
  private final ByteArrayOutputStream shown = new ByteArrayOutputStream();

  @Test
  void readsNoStreamToItsEndOnceItIsCancelled() {
    assertThatThrownBy(() -> replay(Optional.empty(), new CountDownLatch(0)))
        .isInstanceOf(InterruptedException.class);
    assertThat(shown.toString(StandardCharsets.UTF_8)).isEmpty();
  }

  @Test
  void runsForNoReportThatCannotBeWritten() throws Exception {
    Path report = Files.createDirectory(directory.resolve("report.json"));

    assertThatThrownBy(() -> replay(Optional.of(report), new CountDownLatch(1)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("report.json");
    assertThat(shown.toString(StandardCharsets.UTF_8)).isEmpty();
  }

  private void replay(Optional<Path> report, CountDownLatch cancelled) throws Exception {
    ReplaySettings settings =
        new ReplaySettings(
            Optional.of(DriftingStream.write(directory.resolve("stream.jsonl"), 10, 0)),
            List.of("label"),
            Map.of(),
            Optional.empty(),
            100,
            Duration.ZERO,
            false,
            Optional.empty(),
            report,
            Optional.empty(),
            Duration.ofMinutes(1));
    Pipeline pipeline =
        Replays.pipeline(
            DriftingStream.bundle(directory.resolve("bundle")),
            directory,
            new Selection(.3, .9),
            Optional.empty());
    new Replay(settings, pipeline, Replays.display(shown)).run(cancelled);
  }
}
