package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.scoring.Measure;
import dev.headwater.stream.selection.Selection;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Learner and gate on real streams, with the defaults, without a broker. Prints what it finds. */
class StreamSimulationTest {
  static final Selection DEFAULTS =
      new Selection(
          0.03,
          0.95,
          Measure.MAX_PROBABILITY,
          0.05,
          Optional.of(new Selection.Budget(0.15, 600, 1000)));

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2})
  void keepsUpWithAgeingSensorsInWhateverOrder(long seed) throws Exception {
    StreamSimulation.Report report = run("gas", seed, 0);

    assertThat(report.accuracy()).as("frozen: .773").isGreaterThan(0.93);
    assertThat(report.labelShare()).isLessThan(0.2);
    assertThat(report.start())
        .as("while little drifts")
        .isGreaterThan(report.frozenStart() - 0.005);
  }

  @Test
  void doesNotForgetKnownClassesBeforeAnyDrift() throws Exception {
    StreamSimulation.Report report = run("clinc", 0, 1500);

    assertThat(report.accuracy())
        .as("unsure-only training without a gate loses 2.6 points here")
        .isGreaterThan(report.frozenStart() - 0.005);
  }

  private static StreamSimulation.Report run(String name, long seed, int records) throws Exception {
    StreamSimulation.Report report =
        Streams.run(name, DEFAULTS.auditShare(), Choices.of(DEFAULTS), seed, records);
    System.out.printf(
        "%s seed %d: accuracy %.3f, last three %.3f, labels %.3f, accepted %d of %d%n",
        name,
        seed,
        report.accuracy(),
        report.lastThree(),
        report.labelShare(),
        report.accepted(),
        report.versions().size());
    return report;
  }
}
