package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.stream.Deployment;
import dev.headwater.stream.Guarantee;
import dev.headwater.stream.Guarantee.Committed;
import dev.headwater.stream.Guarantee.Kind;
import dev.headwater.stream.Guarantee.Sent;
import dev.headwater.stream.Guarantee.Violation;
import dev.headwater.stream.HeadwaterProcess;
import dev.headwater.stream.StreamSettings;
import dev.headwater.stream.TestHead;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.BinaryOperator;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.awaitility.core.ConditionTimeoutException;

/**
 * One deployment under load, from its first record to its last, with a fault fired at random
 * moments between: a cluster, scorers in processes of their own, swaps, labels, poison. At the end
 * all guarantees are held against all that went in and all that was committed.
 */
final class Run implements AutoCloseable {
  static final int FIRINGS = 3;
  private static final int PARTITIONS = 4;
  private static final int LEAST_HEADS = 3;
  private static final Duration RECOVERY = Duration.ofMinutes(3);

  final Cluster cluster;
  final Bundle bundle;
  final Deployment on;
  final Admin admin;
  final Processes processes;
  final Load load;
  final Heads heads;
  final Random random;

  private final Fault fault;
  private final StreamSettings.Protocol protocol;
  private final Path directory;
  private final Watch watch;
  private final List<Double> recoveries = new ArrayList<>();
  private int fired;
  private Watch.Mark mark;

  /**
   * Returns once the cluster is up.
   *
   * @param directory empty, for everything
   */
  Run(Fault fault, StreamSettings.Protocol protocol, long seed, Path directory) throws Exception {
    this.fault = fault;
    this.protocol = protocol;
    this.directory = directory;
    random = new Random(seed);
    Fault.Shape shape = fault.shape();
    cluster = new Cluster(directory, name(), shape.nodes(), shape.proxied());
    on = new Deployment(cluster.bootstrapServers(), name(), PARTITIONS, (short) shape.nodes());
    admin = Admin.create(on.kafka);
    Path model = Files.createDirectory(directory.resolve("bundle"));
    bundle = Bundles.tabular(model, 4, 3);
    processes =
        new Processes(on, name(), protocol, model, directory.resolve("state"), shape.signed());
    heads = new Heads(on, bundle, processes.signatures());
    load = new Load(on, random.nextLong());
    watch = new Watch(on);
  }

  /** Returns once records are scored. */
  void start() throws Exception {
    List<HeadwaterProcess> started = new ArrayList<>();
    for (int i = 1; i <= fault.shape().scorers(); i++) {
      started.add(processes.launch("s" + i));
    }
    if (fault.shape().trained()) {
      started.add(processes.launchTrainer("trainer"));
    } else {
      heads.start();
    }
    started.forEach(HeadwaterProcess::awaitReady);
    load.start();
    await().atMost(PATIENCE).until(() -> watch.past(0, PARTITIONS));
  }

  private String name() {
    return "%s-%s".formatted(fault.name(), protocol).toLowerCase().replaceAll("[^a-z0-9]+", "-");
  }

  /** Fires the fault until it has hit often enough, and waits each time until all goes on. */
  void fire() throws Exception {
    for (int attempt = 0; fired < FIRINGS && attempt < 3 * FIRINGS; attempt++) {
      awaitMore(Load.RATE / 2 + random.nextInt(2 * Load.RATE));
      mark = null;
      if (fault.firing().fire(this)) {
        fired++;
        if (mark == null) {
          hit();
        }
        awaitRecovery();
        recoveries.add(mark.seconds());
      }
    }
  }

  /** Of the load. */
  void awaitMore(int records) {
    int target = load.sent() + records;
    await().atMost(PATIENCE).until(() -> load.sent() >= target);
  }

  /** Now the fault has happened; what is sent from here on has to survive it. */
  void hit() {
    mark = watch.mark(load.sent());
  }

  /** Until what was sent after the hit is committed, of every partition. */
  void awaitRecovery() {
    await().atMost(RECOVERY).until(mark::reached);
  }

  Fault.Shape shape() {
    return fault.shape();
  }

  Path directory(String file) {
    return directory.resolve(file);
  }

  /** How often it has hit so far. */
  int fired() {
    return fired;
  }

  /** Lets everything come to its end and holds it against the guarantees. */
  Row finish() throws Exception {
    awaitServing(lastHead());
    load.stop();
    requireSentOnce();
    try {
      await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofSeconds(1))
          .until(() -> violations(Committed.on(on)).stream().noneMatch(v -> v.kind() == Kind.LOST));
    } catch (ConditionTimeoutException e) {
      // what is missing is counted below
    }
    for (String member : processes.members()) {
      processes.stop(member);
    }
    List<Map<String, Integer>> counts = processes.counts();
    Committed committed = Committed.on(on);
    List<Violation> violations = new ArrayList<>(violations(committed));
    Set<String> written =
        Set.of(
            on.names.predictions(),
            on.names.deadLetters(),
            on.names.samples(),
            on.names.review(),
            on.names.pending(),
            on.names.labelsById());
    List<Path> logs = cluster.nodes().stream().map(n -> n.directory).toList();
    try { // markers are written after a commit is answered
      await().atMost(PATIENCE).until(() -> Transactions.of(logs, written).unmarked().isEmpty());
    } catch (ConditionTimeoutException e) {
      // told below
    }
    Transactions transactions = Transactions.of(logs, written);
    int aborted = transactions.aborted();
    counts.forEach(each -> violations.addAll(sums(each)));
    if (counts.size() == processes.launched() && aborted == 0) {
      violations.addAll(totals(counts, committed));
    }
    Integer refused = fault.shape().trained() ? PublishedHeads.on(this).refused().size() : null;
    Throwable unmarked =
        transactions.unmarked().isEmpty()
            ? null
            : new IllegalStateException(
                "transactions have no marker in "
                    + transactions.unmarked()
                    + ": see KAFKA-20734 in docs/explanation/fault-tests.md");
    return row(aborted, committed.heads().size(), refused, violations, unmarked);
  }

  /** What is live once nothing is published any more. */
  private long lastHead() throws Exception {
    if (fault.shape().trained()) {
      processes.trainer().stop();
      List<Long> history = PublishedHeads.on(this).history();
      return history.get(history.size() - 1);
    }
    heads.stop();
    heads.promote(); // newer than the last fault, and of one before nobody may know what became
    return heads.live();
  }

  /** In the end it makes the predictions of every partition of records. */
  private void awaitServing(long head) {
    await("head %d serves every partition".formatted(head))
        .atMost(PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .until(
            () ->
                on.committed(on.topics.predictions()).stream()
                    .map(ConsumerRecord::value)
                    .collect(
                        Collectors.toMap(
                            p -> p.source().partition(),
                            p -> p,
                            BinaryOperator.maxBy(
                                Comparator.comparing(p -> Load.turn(p.recordId())))))
                    .values()
                    .stream()
                    .allMatch(last -> last.leading().headVersion() == head));
  }

  /** A producer that sends again what it got no answer for may write twice itself. */
  private void requireSentOnce() {
    Set<String> seen = new HashSet<>();
    List<String> twice =
        on.committed(on.topics.records().get(0)).stream()
            .map(r -> Deployment.header(r, "headwater-record-id"))
            .filter(id -> !seen.add(id))
            .toList();
    if (!twice.isEmpty()) {
      throw new IllegalStateException("the load itself wrote these records twice: " + twice);
    }
  }

  private List<Violation> violations(Committed committed) throws Exception {
    List<Guarantee> guarantees =
        new ArrayList<>(
            List.of(
                Guarantee.EVERY_VALID_RECORD_IS_PREDICTED_ONCE,
                Guarantee.EVERY_INVALID_RECORD_IS_A_DEAD_LETTER_ONCE,
                Guarantee.ORDER_IS_KEPT,
                Guarantee.PREDICTIONS_HAVE_THE_KEYS_OF_THEIR_RECORDS,
                Guarantee.everyLabelledRecordIsASampleOnce(load.labelled())));
    if (keptPartitions()) {
      guarantees.add(Guarantee.EACH_KEY_HAS_ONE_PARTITION_AND_ITS_ORDER);
    }
    if (fault.shape().trained()) {
      PublishedHeads published = PublishedHeads.on(this);
      guarantees.add(Guarantee.headsAreThoseThatWereLiveInTheirOrder(published.history()));
      guarantees.add(Guarantee.noHeadServesThatItsGateRefused(published.accepted()));
      guarantees.add(published.goBackByWithdrawalOnly());
    } else {
      guarantees.add(Guarantee.headsAreThoseThatWereLiveInTheirOrder(heads.history()));
      guarantees.add(Guarantee.headsSayWhatTheyMust(version -> TestHead.label(bundle, version)));
      guarantees.add(Guarantee.headsAreSwapped(LEAST_HEADS));
    }
    List<Sent> sent = load.everything();
    return guarantees.stream()
        .flatMap(guarantee -> guarantee.violations(sent, committed).stream())
        .toList();
  }

  /** Their number now and at the start is the same all the time: it never goes back. */
  private boolean keptPartitions() throws Exception {
    return admin
        .describeTopics(List.of(on.names.records().get(0), on.names.predictions()))
        .allTopicNames()
        .get()
        .values()
        .stream()
        .allMatch(topic -> topic.partitions().size() == PARTITIONS);
  }

  private static List<Violation> sums(Map<String, Integer> counts) {
    int received = counts.get("records_received");
    int answered = counts.get("records_predicted") + counts.get("records_dead_lettered");
    return received == answered
        ? List.of()
        : List.of(
            new Violation(Kind.WRONG, "received is not predicted + dead-lettered: " + counts));
  }

  /**
   * Where nobody was killed and nothing was done again, all together counted what came and went.
   */
  private List<Violation> totals(List<Map<String, Integer>> counts, Committed committed) {
    Map<String, Integer> wanted =
        Map.of(
            "records_received", load.sent(),
            "records_predicted", committed.predictions().size(),
            "records_dead_lettered", committed.deadLetters().size());
    return wanted.entrySet().stream()
        .filter(
            each -> counts.stream().mapToInt(c -> c.get(each.getKey())).sum() != each.getValue())
        .map(
            each ->
                new Violation(
                    Kind.WRONG,
                    "%s is not %d: %s".formatted(each.getKey(), each.getValue(), counts)))
        .toList();
  }

  /** What is known of a run that did not come to its end. */
  Row failed(Throwable failure) {
    return row(null, null, null, null, failure);
  }

  private Row row(
      Integer aborted,
      Integer heads,
      Integer refused,
      List<Violation> violations,
      Throwable failure) {
    return new Row(
        fault.name(),
        protocol.name().toLowerCase(),
        fired,
        load.sent(),
        aborted,
        heads,
        refused,
        recoveries,
        violations,
        failure);
  }

  @Override
  public void close() throws Exception {
    processes.close();
    watch.close();
    load.close();
    heads.close();
    admin.close(Duration.ZERO);
    on.close();
    cluster.close();
  }
}
