package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.awaitility.Awaitility.await;

import dev.headwater.stream.HeadwaterProcess;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.protocol.ApiKeys;

/** What happens to the trainer. */
final class TrainerFaults {
  private TrainerFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of("trainer SIGKILL while training", TrainerFaults::training).trained(),
        Fault.of("trainer SIGKILL between chunks", TrainerFaults::betweenChunks)
            .trained()
            .proxied(),
        Fault.of("trainer SIGKILL before a commit", TrainerFaults::beforeCommit)
            .trained()
            .proxied(),
        Fault.of("zombie trainer", TrainerFaults::zombie).trained(),
        Fault.of("broker SIGKILL while training", whileTraining(BrokerFaults::kill)).trained(),
        Fault.of("broker down for 70 s while training", whileTraining(BrokerFaults::outage))
            .trained(),
        Fault.of("trainer's connection cut at END_TXN", TrainerFaults::cut).trained().proxied());
  }

  private static boolean training(Run run) throws Exception {
    awaitStep(run);
    int code = run.processes.trainer().kill();
    run.hit();
    succeed(run, "trainer");
    return code == 128 + 9;
  }

  /** A fit takes another step. */
  private static void awaitStep(Run run) throws Exception {
    AtomicInteger last = new AtomicInteger(steps(run));
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(20))
        .until(
            () -> {
              int now = steps(run);
              return now > 0 && last.getAndSet(now) != now;
            });
  }

  private static int steps(Run run) throws Exception {
    return (int) run.processes.trainer().gauge("trainer_steps");
  }

  /** Each is a request of its own. */
  private static boolean betweenChunks(Run run) throws Exception {
    if (!killed(run, ApiKeys.PRODUCE, 3)) {
      return false;
    }
    List<ConsumerRecord<String, byte[]>> written = run.on.written(run.on.topics.heads());
    ConsumerRecord<String, byte[]> last = written.get(written.size() - 1);
    succeed(run, "trainer");
    return last.value() != null && last.key().matches("head/.*/\\d+"); // and no manifest
  }

  private static boolean beforeCommit(Run run) throws Exception {
    if (!killed(run, ApiKeys.END_TXN, 0)) {
      return false;
    }
    succeed(run, "trainer");
    return true;
  }

  /**
   * @param request in whose way it is killed
   * @param passed requests of that kind that the broker still gets
   */
  private static boolean killed(Run run, ApiKeys request, int passed) throws Exception {
    HeadwaterProcess trainer = run.processes.trainer();
    try {
      run.cluster
          .proxy()
          .trap(request, "-trainer", passed, Proxy.Lost.REQUEST, () -> kill(trainer))
          .get(60, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      return false; // nothing was published meanwhile
    }
    run.hit();
    return true;
  }

  private static void kill(HeadwaterProcess process) {
    try {
      process.kill();
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted while it was killed", e);
    }
  }

  /** One that was thought dead comes back: whatever it has in hand is never seen. */
  private static boolean zombie(Run run) throws Exception {
    HeadwaterProcess zombie = run.processes.trainer();
    awaitStep(run);
    zombie.signal("STOP");
    try {
      run.hit();
      succeed(run, "trainer-" + run.fired());
      zombie.signal("CONT");
      await().atMost(PATIENCE).until(zombie::dead);
      return zombie.logged("another trainer of this deployment has taken over");
    } finally {
      zombie.kill();
    }
  }

  /** The trainer goes on by itself once the broker is back. */
  private static Fault.Firing whileTraining(Fault.Firing broker) {
    return run -> {
      awaitStep(run);
      boolean hit = broker.fire(run);
      awaitPublished(run, manifests(run));
      return hit;
    };
  }

  /** With the request or the answer lost, it is for the trainer to find out which. */
  private static boolean cut(Run run) throws Exception {
    boolean hit = BrokerFaults.cut(run, ApiKeys.END_TXN, "-trainer", 60);
    if (hit) {
      awaitPublished(run, manifests(run));
    }
    return hit;
  }

  /** Returns once the next trainer has published something. */
  private static void succeed(Run run, String member) throws Exception {
    int before = manifests(run);
    run.processes.launchTrainer(member);
    run.processes.trainer().awaitReady();
    awaitPublished(run, before);
  }

  private static void awaitPublished(Run run, int before) {
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(500))
        .until(() -> manifests(run) > before);
  }

  private static int manifests(Run run) {
    return (int)
        run.on.committed(run.on.topics.heads()).stream()
            .filter(r -> r.key().endsWith("/manifest"))
            .count();
  }
}
