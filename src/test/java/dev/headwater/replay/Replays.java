package dev.headwater.replay;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.bundle.Bundle;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Gates;
import dev.headwater.replay.report.Display;
import dev.headwater.replay.report.Style;
import dev.headwater.schema.TopicSettings;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.StreamSettings;
import dev.headwater.stream.selection.Selection;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** What the replays of the tests have in common. */
final class Replays {
  private Replays() {}

  /** Of a cluster of three: a broker of the replay's own is one all the same. */
  static Pipeline pipeline(
      Bundle bundle, Path directory, Selection selection, Optional<Path> history) {
    return pipeline(bundle, directory, selection, history, (short) 3);
  }

  static Pipeline pipeline(
      Bundle bundle, Path directory, Selection selection, Optional<Path> history, short replicas) {
    return new Pipeline(
        bundle,
        new TopicSettings(2, 2, replicas, Duration.ofHours(1), Duration.ofHours(1)),
        StreamSettings.of("unused", directory.resolve("unused"), selection),
        ScoringSettings.defaults(),
        AdaptSettings.of("unused"),
        new Gates(GateSettings.DEFAULT),
        history,
        Map.of());
  }

  static Display display(OutputStream shown) {
    return new Display(
        new PrintStream(shown, false, StandardCharsets.UTF_8), new Style(false, false, 100));
  }
}
