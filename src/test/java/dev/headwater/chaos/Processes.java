package dev.headwater.chaos;

import dev.headwater.heads.Signatures;
import dev.headwater.heads.TestKeys;
import dev.headwater.stream.Deployment;
import dev.headwater.stream.HeadwaterProcess;
import dev.headwater.stream.StreamSettings.Guarantee;
import dev.headwater.stream.StreamSettings.Protocol;
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

/** The scorers of a deployment by their member ids, and its trainer. */
final class Processes implements AutoCloseable {
  private static final String SIGNER = "trainer";
  private static final Duration COMMIT = Duration.ofMillis(300);

  private final Deployment on;
  private final String name;
  private final Protocol protocol;
  private final Path bundle;
  private final Path directory;
  private final Optional<TestKeys> keys;
  private final Map<String, HeadwaterProcess> scorers = new TreeMap<>();
  private final Map<String, String> environment = new HashMap<>();
  private final List<Map<String, Integer>> counts = new ArrayList<>();
  private HeadwaterProcess trainer;
  private int launched;

  /**
   * @param directory for state, configurations and keys
   * @param signed whether only signed heads count
   */
  Processes(
      Deployment on, String name, Protocol protocol, Path bundle, Path directory, boolean signed)
      throws Exception {
    this.on = on;
    this.name = name;
    this.protocol = protocol;
    this.bundle = bundle;
    this.directory = Files.createDirectories(directory);
    keys = signed ? Optional.of(new TestKeys(directory).pair(SIGNER, "Ed25519")) : Optional.empty();
  }

  /** What the heads that count are signed with. */
  Signatures signatures() {
    return keys.map(k -> Signatures.of(Optional.of(k.signing(SIGNER)), List.of(k.trusted(SIGNER))))
        .orElse(Signatures.NONE);
  }

  /** Variables of whatever is launched from now on. */
  Map<String, String> environment() {
    return environment;
  }

  /** Starts a scorer, or its successor over the state it left; returns at once. */
  HeadwaterProcess launch(String member) throws Exception {
    HeadwaterProcess scorer = launch("serve", member);
    launched++;
    scorers.put(member, scorer);
    return scorer;
  }

  /** Returns once it scores. */
  void start(String member) throws Exception {
    launch(member).awaitReady();
  }

  /** Starts a trainer, the only one from here on; what became of the one before is the caller's. */
  HeadwaterProcess launchTrainer(String member) throws Exception {
    trainer = launch("train", member);
    return trainer;
  }

  private HeadwaterProcess launch(String command, String member) throws Exception {
    Map<String, Object> kafka = new HashMap<>(Map.of("metadata.max.age.ms", 1_000));
    if (protocol == Protocol.CLASSIC) {
      // under `streams` it is the broker's to say
      kafka.put("session.timeout.ms", 5_000);
      kafka.put("heartbeat.interval.ms", 500);
    }
    if (command.equals("train")) {
      kafka.put("batch.size", 0); // each chunk by itself, so that there is something between two
    }
    String trusted = keys.map(k -> ", trusted-keys: [%s]".formatted(k.trusted(SIGNER))).orElse("");
    HeadwaterProcess.Mode mode =
        new HeadwaterProcess.Mode(
            name,
            member,
            bundle,
            Files.createDirectories(state(member)),
            Guarantee.EXACTLY_ONCE_V2,
            protocol,
            kafka,
            // chunks so small that a small head has many
            "heads: {chunk-bytes: 64%s}".formatted(trusted),
            Map.copyOf(environment));
    return HeadwaterProcess.launch(command, on, mode, COMMIT);
  }

  private Path state(String member) {
    return directory.resolve(member);
  }

  /** Where Kafka Streams keeps a scorer's stores. */
  Path streamsState(String member) {
    return state(member).resolve(name);
  }

  HeadwaterProcess scorer(String member) {
    return scorers.get(member);
  }

  /** How many scorers there have been. */
  int launched() {
    return launched;
  }

  /** The last counters of each that was stopped. */
  List<Map<String, Integer>> counts() {
    return counts;
  }

  HeadwaterProcess trainer() {
    return trainer;
  }

  Set<String> members() {
    return Set.copyOf(scorers.keySet());
  }

  String any(Random random) {
    return List.copyOf(scorers.keySet()).get(random.nextInt(scorers.size()));
  }

  /** SIGTERM, and nobody in its place. */
  void stop(String member) throws Exception {
    counts.add(scorers.get(member).stop());
    scorers.remove(member);
  }

  /** A counter, summed over the scorers that run. */
  int count(String counter) throws Exception {
    int sum = 0;
    for (HeadwaterProcess scorer : scorers.values()) {
      sum += scorer.counts().getOrDefault(counter, 0);
    }
    return sum;
  }

  /** SIGKILL to all. */
  @Override
  public void close() throws InterruptedException {
    for (HeadwaterProcess scorer : scorers.values()) {
      scorer.kill();
    }
    if (trainer != null) {
      trainer.kill();
    }
  }
}
