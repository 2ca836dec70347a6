package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.bundle.Bundles;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Gates;
import dev.headwater.gate.Judged;
import dev.headwater.gate.Metric;
import dev.headwater.gate.Trial;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerSessionTest {
  @TempDir Path directory;

  @Test
  void eachTaskIsJudgedByItsOwnGate() throws Exception {
    GateSettings many =
        new GateSettings(0.15, 0.005, 0.1, 20, 100, Metric.ACCURACY, Map.of(), Map.of());
    TrainerSession.Parts parts =
        TrainerSession.Parts.of(
            AdaptSettings.of("gates"),
            new Gates(GateSettings.DEFAULT, Map.of("size", many)),
            Bundles.twoTasks(directory, 4, 3),
            Topics.of(TopicNames.prefixed("gates")),
            Map.of(),
            TrainerMetrics.NOOP,
            Clock.systemUTC());
    Set<String> labels = Set.of("a", "b");
    List<Trial> better = Collections.nCopies(50, new Trial("a", "b", "a", 1));
    Judged judged = new Judged(better, labels, labels, true);

    assertThat(parts.gates())
        .extracting(gate -> gate.judge(judged).reason())
        .satisfiesExactly(
            kind -> assertThat(kind).startsWith("significant gain"),
            size -> assertThat(size).isEqualTo("too few evaluation samples (50, minimum 100)"));
  }
}
