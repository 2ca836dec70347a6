package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.awaitility.Awaitility.await;

import java.util.List;

/** What happens to scorers. */
final class ScorerFaults {
  private static final String ASSIGNED = "kafka_consumer_coordinator_assigned_partitions\\{.*";

  private ScorerFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of("scorer SIGKILL", ScorerFaults::kill).aborting().underBothProtocols(),
        Fault.of("scorer SIGTERM", ScorerFaults::terminate).underBothProtocols(),
        Fault.of("scorer SIGSTOP past the session", ScorerFaults::freeze)
            .aborting()
            .underBothProtocols(),
        Fault.of("2 scorers, rolling restart", ScorerFaults::roll).underBothProtocols(),
        Fault.of("3 scorers, rolling restart", ScorerFaults::roll).scorers(3),
        Fault.of("2 scorers, one more and one less", ScorerFaults::scale).underBothProtocols());
  }

  static boolean kill(Run run) throws Exception {
    String member = run.processes.any(run.random);
    int code = run.processes.scorer(member).kill();
    run.hit();
    run.processes.start(member);
    return code == 128 + 9;
  }

  private static boolean terminate(Run run) throws Exception {
    String member = run.processes.any(run.random);
    run.processes.stop(member); // checks the exit code
    run.hit();
    run.processes.start(member);
    return true;
  }

  /** Its partitions are taken while it is frozen, so what it had in hand is a zombie's. */
  private static boolean freeze(Run run) throws Exception {
    String member = run.processes.any(run.random);
    run.processes.scorer(member).signal("STOP");
    run.hit();
    try {
      run.awaitRecovery();
    } finally {
      run.processes.scorer(member).signal("CONT");
    }
    run.processes.scorer(member).awaitReady();
    return true;
  }

  private static boolean roll(Run run) throws Exception {
    for (String member : run.processes.members()) {
      run.processes.stop(member);
      run.hit();
      run.processes.start(member);
    }
    return true;
  }

  /**
   * Any of the three leaves. Under the streams protocol what the third gets may all be of the join,
   * and none of it scored.
   */
  private static boolean scale(Run run) throws Exception {
    String more = "more-" + run.fired();
    run.processes.start(more);
    await().atMost(PATIENCE).until(() -> run.processes.scorer(more).sum(ASSIGNED) > 0);
    run.processes.stop(run.processes.any(run.random));
    run.hit();
    return true;
  }
}
