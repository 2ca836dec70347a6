package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.awaitility.Awaitility.await;

import dev.headwater.stream.HeadwaterProcess;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.common.protocol.ApiKeys;

/** What happens to the only broker, and to connections with it. */
final class BrokerFaults {
  private static final Duration OUTAGE = Duration.ofSeconds(70);
  private static final Duration OLD = Duration.ofSeconds(5);
  private static final Duration START = Duration.ofSeconds(10);

  private BrokerFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of("connection cut at END_TXN", cut(ApiKeys.END_TXN)).proxied().underBothProtocols(),
        Fault.of("connection cut during produce", cut(ApiKeys.PRODUCE))
            .proxied()
            .underBothProtocols(),
        Fault.of("commit held past its transaction", BrokerFaults::holdCommit).proxied().aborting(),
        Fault.of("broker restart", BrokerFaults::restart).underBothProtocols(),
        Fault.of("broker SIGKILL", BrokerFaults::kill),
        Fault.of("broker down at start", BrokerFaults::downAtStart),
        Fault.of("broker down for 70 s", BrokerFaults::outage));
  }

  /** The scorers' alone. */
  static Fault.Firing cut(ApiKeys request) {
    return run -> cut(run, request, "StreamThread", 20);
  }

  /**
   * With the request or the answer lost, in turn.
   *
   * @param client in the names of those it happens to
   * @param seconds that such a request is waited for
   */
  static boolean cut(Run run, ApiKeys request, String client, int seconds) throws Exception {
    Proxy.Lost lost = run.fired() % 2 == 1 ? Proxy.Lost.ANSWER : Proxy.Lost.REQUEST;
    try {
      run.cluster.proxy().trap(request, client, 0, lost, () -> {}).get(seconds, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      return false; // none was made
    }
    run.hit();
    return true;
  }

  /** As if the scorer had stopped just before it: the coordinator has long aborted what it ends. */
  static boolean holdCommit(Run run) throws Exception {
    run.cluster
        .proxy()
        .trap(ApiKeys.END_TXN, "StreamThread", 0, Proxy.Lost.NOTHING, () -> awaitAborted(run))
        .get(3 * PATIENCE.toSeconds(), TimeUnit.SECONDS);
    run.hit();
    run.awaitRecovery();
    for (String member : run.processes.members()) {
      run.processes.scorer(member).awaitReady(); // none has given up meanwhile
    }
    return true;
  }

  private static void awaitAborted(Run run) {
    ListTransactionsOptions open =
        new ListTransactionsOptions()
            .filterStates(Set.of(TransactionState.ONGOING, TransactionState.PREPARE_ABORT))
            .filterOnDuration(OLD.toMillis());
    await().atMost(PATIENCE).until(() -> !run.admin.listTransactions(open).all().get().isEmpty());
    await().atMost(PATIENCE).until(() -> run.admin.listTransactions(open).all().get().isEmpty());
  }

  private static boolean restart(Run run) throws Exception {
    boolean ended = run.cluster.node().stop();
    run.hit();
    run.cluster.node().launch().awaitUp();
    return ended;
  }

  static boolean kill(Run run) throws Exception {
    int code = run.cluster.node().kill();
    run.hit();
    run.cluster.node().launch().awaitUp();
    return code == 128 + 9;
  }

  static boolean outage(Run run) throws Exception {
    boolean ended = run.cluster.node().stop();
    run.hit();
    pass(OUTAGE);
    run.cluster.node().launch().awaitUp();
    return ended;
  }

  private static boolean downAtStart(Run run) throws Exception {
    List<HeadwaterProcess> started = new ArrayList<>();
    for (String member : run.processes.members()) {
      run.processes.stop(member);
    }
    run.cluster.node().stop();
    run.hit();
    for (int i = 1; i <= run.shape().scorers(); i++) {
      started.add(run.processes.launch("s" + i));
    }
    pass(START);
    for (HeadwaterProcess scorer : started) {
      if (scorer.ready()) {
        return false;
      }
    }
    run.cluster.node().launch().awaitUp();
    started.forEach(HeadwaterProcess::awaitReady);
    return true;
  }

  private static void pass(Duration time) {
    await().pollDelay(time).atMost(time.multipliedBy(2)).until(() -> true);
  }
}
