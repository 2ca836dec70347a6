package dev.headwater.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.stream.StreamSettings.Protocol;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every guarantee across every fault. {@code -Dchaos.only=REGEX} takes those whose name has it,
 * {@code -Dchaos.seed=N} the moments of another run.
 */
@Tag("chaos")
class ChaosIT {
  private static final String ONLY = System.getProperty("chaos.only", "");
  private static final long SEED = Long.getLong("chaos.seed", System.nanoTime());
  private static final List<Row> ROWS = new ArrayList<>();

  static Stream<Arguments> matrix() {
    return Stream.of(
            ScorerFaults.all(),
            BrokerFaults.all(),
            HeadFaults.all(),
            InputFaults.all(),
            ClusterFaults.all(),
            TrainerFaults.all(),
            DiskFaults.all(),
            ClockFaults.all(),
            Soak.all())
        .flatMap(List::stream)
        .filter(fault -> fault.name().matches(".*(?:" + ONLY + ").*"))
        .flatMap(fault -> fault.protocols().stream().map(p -> Arguments.of(fault, p)));
  }

  @ParameterizedTest(name = "{0}, {1}")
  @MethodSource("matrix")
  @Timeout(900)
  void guaranteesHoldAcross(Fault fault, Protocol protocol, @TempDir Path directory)
      throws Exception {
    Row row = run(fault, protocol, SEED, directory);

    ROWS.add(row);
    Row.write(ROWS, Path.of("target", "chaos.json")); // an hour is long enough to be cut short
    assertThat(row.failure()).as("%s, seed %d", fault, SEED).isNull();
    assertThat(row.violations()).as("%s, seed %d", fault, SEED).isEmpty();
    assertThat(row.fired()).as("times it hit").isGreaterThanOrEqualTo(Run.FIRINGS);
    if (fault.aborts()) {
      assertThat(row.abortedTransactions()).as("aborted transactions").isPositive();
    }
  }

  static Row run(Fault fault, Protocol protocol, long seed, Path directory) throws Exception {
    try (Run run = new Run(fault, protocol, seed, directory)) {
      Row row = row(run);
      System.out.print(Row.table(List.of(row)));
      Stream.ofNullable(row.told()).flatMap(List::stream).forEach(System.out::println);
      return row;
    }
  }

  /** Whatever ends a run before its time is a row of the table as well. */
  private static Row row(Run run) throws Exception {
    try {
      run.start();
      run.fire();
      return run.finish();
    } catch (Exception | AssertionError e) {
      return run.failed(e);
    }
  }

  @AfterAll
  static void report() {
    System.out.printf("seed %d%n%s", SEED, Row.table(ROWS));
  }
}
