package dev.headwater.chaos;

import static dev.headwater.stream.Deployment.PATIENCE;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;

/** What producers, annotators and operators do to user topics. */
final class InputFaults {
  private static final int BURST = 500;
  private static final int STORM = 5_000;

  /** Characters: its record is let in, and a prediction under it would be over the limit. */
  private static final int LONG_KEY = 1_048_400;

  private static final int LONG_KEYS = 5;
  private static final long YEARS = Duration.ofDays(3_650).toMillis();

  private InputFaults() {}

  static List<Fault> all() {
    return List.of(
        Fault.of("burst of poison", InputFaults::poison),
        Fault.of("oversized predictions", InputFaults::oversized),
        Fault.of("label storm", InputFaults::labels),
        Fault.of("timestamps of another decade", InputFaults::timestamps),
        Fault.of("more partitions on each user topic", InputFaults::partitions));
  }

  private static boolean poison(Run run) throws Exception {
    int before = run.processes.count("records_dead_lettered");
    for (int i = 0; i < BURST; i++) {
      run.load.send("k" + i, false, null);
    }
    run.hit();
    awaitCount(run, "records_dead_lettered", before + BURST);
    return true;
  }

  private static boolean oversized(Run run) throws Exception {
    int before = run.processes.count("records_dead_lettered");
    for (int i = 0; i < LONG_KEYS; i++) {
      run.load.sendOversized(String.valueOf((char) ('a' + i)).repeat(LONG_KEY));
    }
    run.hit();
    awaitCount(run, "records_dead_lettered", before + LONG_KEYS);
    return true;
  }

  /** For records that nobody knows. */
  private static boolean labels(Run run) throws Exception {
    int before = run.processes.count("labels_received");
    for (int i = 0; i < STORM; i++) {
      run.load.label("unknown-" + run.fired() + "-" + i, "label-1");
    }
    run.hit();
    awaitCount(run, "labels_received", before + STORM);
    return true;
  }

  private static void awaitCount(Run run, String counter, int wanted) {
    await().atMost(PATIENCE).until(() -> run.processes.count(counter) >= wanted);
  }

  /** 1970, ten years ago and ten years ahead; the last a topic has to be told to take. */
  private static boolean timestamps(Run run) throws Exception {
    ConfigResource records =
        new ConfigResource(ConfigResource.Type.TOPIC, run.on.names.records().get(0));
    ConfigEntry any =
        new ConfigEntry(
            TopicConfig.MESSAGE_TIMESTAMP_AFTER_MAX_MS_CONFIG, String.valueOf(Long.MAX_VALUE));
    run.admin
        .incrementalAlterConfigs(
            Map.of(records, List.of(new AlterConfigOp(any, AlterConfigOp.OpType.SET))))
        .all()
        .get();
    long now = System.currentTimeMillis();
    for (int i = 0; i < BURST; i++) {
      run.load.send("k" + i, true, List.of(0L, now - YEARS, now + YEARS).get(i % 3));
    }
    run.hit();
    run.load.flush(); // taken by the broker, each of them
    return true;
  }

  private static boolean partitions(Run run) throws Exception {
    List<String> topics =
        Stream.of(
                run.on.names.records(),
                List.of(
                    run.on.names.predictions(),
                    run.on.names.labels(),
                    run.on.names.samples(),
                    run.on.names.review(),
                    run.on.names.deadLetters()))
            .flatMap(Collection::stream)
            .toList();
    Map<String, Integer> before = partitions(run, topics);
    Map<String, NewPartitions> more = new HashMap<>();
    before.forEach((topic, count) -> more.put(topic, NewPartitions.increaseTo(count + 1)));
    run.admin.createPartitions(more).all().get();
    run.hit();
    await()
        .atMost(PATIENCE)
        .until(
            () ->
                partitions(run, topics).entrySet().stream()
                    .allMatch(now -> now.getValue() == before.get(now.getKey()) + 1));
    int added = before.get(run.on.names.records().get(0));
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .until(
            () ->
                run.on.committed(run.on.topics.predictions()).stream()
                    .anyMatch(r -> r.value().source().partition() == added));
    return true;
  }

  private static Map<String, Integer> partitions(Run run, List<String> topics) throws Exception {
    return run.admin.describeTopics(topics).allTopicNames().get().entrySet().stream()
        .collect(Collectors.toMap(Map.Entry::getKey, t -> t.getValue().partitions().size()));
  }
}
