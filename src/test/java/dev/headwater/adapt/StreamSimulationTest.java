package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.bundle.Bundles;
import dev.headwater.gate.GateSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Learner and gate on real streams, with the defaults, without a broker. Prints what it finds. */
class StreamSimulationTest {
  private static final int BLOCK = 500;

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2})
  void keepsUpWithAgeingSensorsInWhateverOrder(long seed) throws Exception {
    StreamSimulation.Report report = run("gas", 0.95, 50, seed, 0);

    assertThat(report.accuracy()).as("frozen: .773").isGreaterThan(0.92);
    assertThat(report.labelShare()).isLessThan(0.25);
    assertThat(report.start())
        .as("while little drifts")
        .isGreaterThan(report.frozenStart() - 0.005);
  }

  @Test
  void doesNotForgetKnownClassesBeforeAnyDrift() throws Exception {
    StreamSimulation.Report report = run("clinc", 0.95, 100, 0, 1500);

    assertThat(report.accuracy())
        .as("unsure-only training without a gate loses 2.6 points here")
        .isGreaterThan(report.frozenStart() - 0.005);
  }

  private static StreamSimulation.Report run(
      String name, double threshold, int delay, long seed, int records) throws Exception {
    StreamFeatures stream = StreamFeatures.of(Bundles.data(name), Path.of("target/simulation"));
    StreamSimulation.Plan plan =
        new StreamSimulation.Plan(
            threshold,
            0.05,
            0.3,
            1000,
            delay,
            0,
            seed,
            records,
            AdaptSettings.of("simulation"),
            GateSettings.DEFAULT);
    StreamSimulation.Report report =
        new StreamSimulation(
                stream,
                order(stream.truth().size(), seed),
                plan,
                new FineTuner(FitSettings.DEFAULT, true))
            .run();
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

  /** The recorded order, or shuffled within blocks so that the drift stays where it is. */
  private static int[] order(int size, long seed) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, size).boxed().toList());
    Random random = new Random(seed);
    for (int from = 0; seed > 0 && from < size; from += BLOCK) {
      Collections.shuffle(order.subList(from, Math.min(from + BLOCK, size)), random);
    }
    return order.stream().mapToInt(Integer::intValue).toArray();
  }
}
