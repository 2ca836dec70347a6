package dev.headwater.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.stream.StreamSettings.Protocol;
import java.nio.file.Path;
import org.apache.kafka.common.protocol.ApiKeys;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The guarantees across two faults of the many that {@link ChaosIT} fires. */
class FaultIT {
  private static final long SEED = 42;

  @TempDir Path directory;

  /** Of two scorers: one dies, then the answer to a commit is lost, in turns. */
  @Test
  @Timeout(300)
  void killsWhileHeadsAreSwappedAndLostCommitsCostNothing() throws Exception {
    boolean[] kill = {false};
    Fault fault =
        Fault.of(
                "kills and cuts",
                run -> {
                  kill[0] = !kill[0];
                  run.heads.promote();
                  return kill[0]
                      ? ScorerFaults.kill(run)
                      : BrokerFaults.cut(ApiKeys.END_TXN).fire(run);
                })
            .proxied();

    Row row = ChaosIT.run(fault, Protocol.CLASSIC, SEED, directory);

    assertThat(row.failure()).isNull();
    assertThat(row.violations()).isEmpty();
    assertThat(row.fired()).isEqualTo(Run.FIRINGS);
    assertThat(row.abortedTransactions()).as("aborted transactions").isPositive();
  }
}
