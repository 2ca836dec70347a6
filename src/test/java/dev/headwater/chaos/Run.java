package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.heads.Signatures;
import dev.headwater.heads.TestKeys;
import dev.headwater.stream.Deployment;
import dev.headwater.stream.Guarantee;
import dev.headwater.stream.Guarantee.Committed;
import dev.headwater.stream.Guarantee.Kind;
import dev.headwater.stream.Guarantee.Sent;
import dev.headwater.stream.Guarantee.Violation;
import dev.headwater.stream.ScorerProcess;
import dev.headwater.stream.StreamSettings;
import dev.headwater.stream.TestHead;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.awaitility.core.ConditionTimeoutException;

/**
 * One deployment under load, from its first record to its last, with a fault fired at random
 * moments between: a cluster, scorers in processes of their own, swaps, labels, poison. At the end
 * all guarantees are held against all that went in and all that was committed.
 */
final class Run implements AutoCloseable {
  static final int FIRINGS = 3;
  private static final int PARTITIONS = 4;
  private static final Duration COMMIT = Duration.ofMillis(300);
  private static final Duration RECOVERY = Duration.ofMinutes(3);

  final Cluster cluster;
  final Bundle bundle;
  final Deployment on;
  final Admin admin;
  final Load load;
  final Heads heads;
  final Random random;

  private final Fault fault;
  private final StreamSettings.Protocol protocol;
  private final Path directory;
  private final Optional<TestKeys> keys;
  private final Watch watch;
  private final Map<String, ScorerProcess> scorers = new TreeMap<>();
  private final List<Double> recoveries = new ArrayList<>();
  private int fired;
  private Watch.Mark mark;

  /**
   * Returns once records are scored.
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
    on =
        new Deployment(cluster.bootstrapServers(), name(), PARTITIONS, (short) shape.nodes());
    admin = Admin.create(on.kafka);
    bundle = Bundles.tabular(Files.createDirectory(directory.resolve("bundle")), 4, 3);
    keys =
        shape.signed()
            ? Optional.of(new TestKeys(directory).pair("trainer", "Ed25519"))
            : Optional.empty();
    heads = new Heads(on, bundle, signatures());
    load = new Load(on, random.nextLong());
    watch = new Watch(on);
    for (int i = 1; i <= shape.scorers(); i++) {
      launch("s" + i);
    }
    scorers.values().forEach(ScorerProcess::awaitReady);
    load.start();
    heads.start();
    await().atMost(PATIENCE).until(() -> watch.past(0, PARTITIONS));
  }

  private String name() {
    return "%s-%s".formatted(fault.name(), protocol).toLowerCase().replaceAll("[^a-z0-9]+", "-");
  }

  private Signatures signatures() {
    return keys.map(
            k ->
                Signatures.of(
                    Optional.of(k.signing("trainer")), List.of(k.trusted("trainer"))))
        .orElse(Signatures.NONE);
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

  /** Starts a scorer, or its successor over the state it left. */
  void start(String member) throws Exception {
    launch(member).awaitReady();
  }

  ScorerProcess launch(String member) throws Exception {
    Map<String, Object> kafka = new HashMap<>(Map.of("metadata.max.age.ms", 1_000));
    if (protocol == StreamSettings.Protocol.CLASSIC) {
      // under `streams` it is the broker's to say
      kafka.put("session.timeout.ms", 5_000);
      kafka.put("heartbeat.interval.ms", 500);
    }
    String trust =
        keys.map(k -> "heads: {trusted-keys: [%s]}".formatted(k.trusted("trainer"))).orElse("");
    ScorerProcess.Mode mode =
        new ScorerProcess.Mode(
            name(),
            member,
            directory.resolve("bundle"),
            Files.createDirectories(state(member)),
            StreamSettings.Guarantee.EXACTLY_ONCE_V2,
            protocol,
            kafka,
            trust);
    ScorerProcess scorer = ScorerProcess.launch(on, mode, COMMIT);
    scorers.put(member, scorer);
    return scorer;
  }

  Fault.Shape shape() {
    return fault.shape();
  }

  Path state(String member) {
    return directory.resolve("state-" + member);
  }

  ScorerProcess scorer(String member) {
    return scorers.get(member);
  }

  Set<String> members() {
    return Set.copyOf(scorers.keySet());
  }

  String anyMember() {
    return List.copyOf(scorers.keySet()).get(random.nextInt(scorers.size()));
  }

  /** SIGTERM, and nobody in its place. */
  void stop(String member) throws Exception {
    scorers.get(member).stop();
    scorers.remove(member);
  }

  /** A counter, summed over the scorers that run. */
  int count(String counter) throws Exception {
    int sum = 0;
    for (ScorerProcess scorer : scorers.values()) {
      sum += scorer.counts().getOrDefault(counter, 0);
    }
    return sum;
  }

  /** Lets everything come to its end and holds it against the guarantees. */
  Row finish() throws Exception {
    heads.stop();
    load.stop();
    try {
      await()
          .atMost(PATIENCE)
          .pollInterval(Duration.ofSeconds(1))
          .until(() -> violations(Committed.on(on)).stream().noneMatch(v -> v.kind() == Kind.LOST));
    } catch (ConditionTimeoutException e) {
      // what is missing is counted below
    }
    List<Violation> violations = new ArrayList<>();
    for (ScorerProcess scorer : scorers.values()) {
      violations.addAll(sums(scorer.stop()));
    }
    scorers.clear();
    violations.addAll(violations(Committed.on(on)));
    Set<String> written =
        Set.of(
            on.names.predictions(),
            on.names.deadLetters(),
            on.names.samples(),
            on.names.review(),
            on.names.pending(),
            on.names.labelsById());
    return row(Aborted.count(cluster.nodes(), written), violations, null);
  }

  private List<Violation> violations(Committed committed) {
    List<Sent> sent = load.everything();
    return List.of(
            Guarantee.EVERY_VALID_RECORD_IS_PREDICTED_ONCE,
            Guarantee.EVERY_INVALID_RECORD_IS_A_DEAD_LETTER_ONCE,
            Guarantee.ORDER_IS_KEPT,
            Guarantee.everyLabelledRecordIsASampleOnce(load.labelled()),
            Guarantee.headsAreThoseThatWereLiveInTheirOrder(heads.history()),
            Guarantee.headsSayWhatTheyMust(version -> TestHead.label(bundle, version)))
        .stream()
        .flatMap(guarantee -> guarantee.violations(sent, committed).stream())
        .toList();
  }

  private static List<Violation> sums(Map<String, Integer> counts) {
    int received = counts.get("records_received");
    int answered = counts.get("records_predicted") + counts.get("records_dead_lettered");
    return received == answered
        ? List.of()
        : List.of(new Violation(Kind.WRONG, "received is not predicted + dead-lettered: " + counts));
  }

  /** What is known of a run that did not come to its end. */
  Row failed(Throwable failure) {
    return row(0, List.of(), failure.toString());
  }

  private Row row(int aborted, List<Violation> violations, String failure) {
    return new Row(
        fault.name(),
        protocol.name().toLowerCase(),
        fired,
        load.sent(),
        aborted,
        recoveries,
        violations,
        failure);
  }

  @Override
  public void close() throws Exception {
    for (ScorerProcess scorer : scorers.values()) {
      scorer.kill();
    }
    watch.close();
    load.close();
    heads.close();
    admin.close(Duration.ZERO);
    on.close();
    cluster.close();
  }
}
