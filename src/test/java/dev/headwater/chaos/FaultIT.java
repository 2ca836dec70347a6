package dev.headwater.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.stream.StreamSettings.Protocol;
import java.nio.file.Path;
import java.util.List;
import org.apache.kafka.common.protocol.ApiKeys;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The guarantees across three faults of the many that {@link ChaosIT} fires. */
class FaultIT {
  private static final long SEED = 42;

  @TempDir Path directory;

  /** Of two scorers: one dies, then the answer to a commit is lost, then a commit comes late. */
  @Test
  @Timeout(300)
  void killsWhileHeadsAreSwappedAndLostAndLateCommitsCostNothing() throws Exception {
    List<Fault.Firing> inTurn =
        List.of(ScorerFaults::kill, BrokerFaults.cut(ApiKeys.END_TXN), BrokerFaults::holdCommit);
    Fault fault =
        Fault.of(
                "kills, cuts and delays",
                run -> {
                  run.heads.promote();
                  return inTurn.get(run.fired()).fire(run);
                })
            .proxied();

    Row row = ChaosIT.run(fault, Protocol.CLASSIC, SEED, directory);

    assertThat(row.failure()).isNull();
    assertThat(row.violations()).isEmpty();
    assertThat(row.fired()).isEqualTo(Run.FIRINGS);
    assertThat(row.abortedTransactions()).as("aborted transactions").isPositive();
  }
}
