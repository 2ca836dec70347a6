package dev.headwater.stream;

import static dev.headwater.stream.Deployment.PATIENCE;
import static dev.headwater.stream.StreamSettings.Guarantee.AT_LEAST_ONCE;
import static dev.headwater.stream.StreamSettings.Guarantee.EXACTLY_ONCE_V2;
import static dev.headwater.stream.StreamSettings.Protocol.CLASSIC;
import static dev.headwater.stream.StreamSettings.Protocol.STREAMS;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Head;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is guaranteed, through SIGKILLs, a SIGTERM, poison records and head swaps. */
class GuaranteeIT {
  private static final int PARTITIONS = 4;
  private static final int BATCH = 500;
  private static final int POISON_EVERY = 37;
  private static final Selection SELECTION = new Selection(HeadwaterProcess.AUDIT_SHARE, 0);

  /**
   * Commit interval of a scorer that ends before it is over: nothing is committed but by a stop.
   */
  private static final Duration NEVER = Duration.ofMinutes(5);

  private static final Duration OFTEN = Duration.ofMillis(200);

  @TempDir static Path shared;
  private static EmbeddedBroker broker;
  private static Path files;
  private static Bundle bundle;

  @TempDir Path state;
  private final Random random = new Random(42);
  private final List<Guarantee.Sent> sent = new ArrayList<>();

  @BeforeAll
  static void start() throws Exception {
    // under protocol `streams` only the broker can say how soon a killed member is missed
    broker =
        EmbeddedBroker.start(
            shared.resolve("broker"),
            Map.of(
                "group.streams.session.timeout.ms", "5000",
                "group.streams.min.session.timeout.ms", "5000",
                "group.streams.heartbeat.interval.ms", "500",
                "group.streams.min.heartbeat.interval.ms", "500"));
    files = Files.createDirectory(shared.resolve("bundle"));
    bundle = Bundles.tabular(files, 4, 3);
  }

  @AfterAll
  static void stop() {
    broker.close();
  }

  @Test
  void exactlyOnceHoldsThroughTwoKillsAndThreeSwaps() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "swaps", PARTITIONS);
        Admin admin = Admin.create(on.kafka);
        HeadPublisher publisher = on.publisher()) {
      HeadwaterProcess.Mode mode = mode("swaps", EXACTLY_ONCE_V2, CLASSIC);
      // long enough to be killed in the middle of
      Duration commitInterval = Duration.ofSeconds(2);
      HeadwaterProcess first = HeadwaterProcess.start(on, mode, commitInterval);
      swapWhileSending(on, publisher, TestHead.of(bundle, 1));
      killInATransaction(first, on, admin);

      HeadwaterProcess second = HeadwaterProcess.start(on, mode, commitInterval);
      swapWhileSending(on, publisher, TestHead.of(bundle, 2));
      killInATransaction(second, on, admin);

      HeadwaterProcess third = HeadwaterProcess.start(on, mode, commitInterval);
      swapWhileSending(on, publisher, TestHead.of(bundle, 3));
      awaitAll(on);
      Map<String, Integer> counts = third.stop();

      Guarantee.Committed committed = Guarantee.Committed.on(on);
      exactlyOnce(committed);
      assertThat(
              committed.predictions().stream()
                  .map(r -> r.value().leading().headVersion())
                  .collect(Collectors.toSet()))
          .as("each swap took effect somewhere in the stream")
          .contains(1L, 2L, 3L);
      assertAborted(on);
      assertAddsUp(counts);
    }
  }

  @Test
  void exactlyOnceHoldsThroughAKillUnderTheStreamsProtocol() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "streams", PARTITIONS);
        Admin admin = Admin.create(on.kafka)) {
      HeadwaterProcess.Mode mode = mode("streams", EXACTLY_ONCE_V2, STREAMS);
      HeadwaterProcess first = HeadwaterProcess.start(on, mode, NEVER);
      send(on, BATCH);
      killInATransaction(first, on, admin);
      assertThat(admin.listGroups().all().get())
          .filteredOn(group -> group.groupId().equals("streams"))
          .extracting(group -> group.type())
          .containsExactly(Optional.of(GroupType.STREAMS));

      finish(on, mode);

      Guarantee.Committed committed = Guarantee.Committed.on(on);
      exactlyOnce(committed);
      assertAborted(on);
    }
  }

  @Test
  void aSigtermCommitsWhatIsInHand() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "term", PARTITIONS);
        Admin admin = Admin.create(on.kafka)) {
      HeadwaterProcess.Mode mode = mode("term", EXACTLY_ONCE_V2, CLASSIC);
      HeadwaterProcess first = HeadwaterProcess.start(on, mode, NEVER);
      send(on, BATCH);
      awaitTransaction(on, admin);
      long inHand = end(on, admin, IsolationLevel.READ_UNCOMMITTED);
      send(on, BATCH);
      assertThat(end(on, admin, IsolationLevel.READ_COMMITTED))
          .as("committed just before the signal, of %d written", inHand)
          .isZero();
      first.stop();
      assertThat(end(on, admin, IsolationLevel.READ_COMMITTED))
          .as("committed by the time it has ended")
          .isGreaterThanOrEqualTo(inHand);

      finish(on, mode);

      Guarantee.Committed committed = Guarantee.Committed.on(on);
      exactlyOnce(committed);
      assertThat(on.written(on.topics.predictions()))
          .as("predictions written, none of them in an aborted transaction")
          .hasSameSizeAs(committed.predictions());
    }
  }

  @Test
  void atLeastOnceLosesNothingThroughAKill() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "twice", PARTITIONS);
        Admin admin = Admin.create(on.kafka)) {
      HeadwaterProcess.Mode mode = mode("twice", AT_LEAST_ONCE, CLASSIC);
      HeadwaterProcess first = HeadwaterProcess.start(on, mode, NEVER);
      send(on, BATCH);
      await().atMost(PATIENCE).until(() -> end(on, admin, IsolationLevel.READ_COMMITTED) > 0);
      assertThat(first.kill()).as("exit code of SIGKILL").isEqualTo(128 + 9);

      finish(on, mode);

      Guarantee.Committed committed = Guarantee.Committed.on(on);
      Guarantee.NOTHING_IS_LOST.check(sent, committed);
      assertThat(committed.predictions().size())
          .as("what was predicted before the kill was predicted again")
          .isGreaterThan((int) sent.stream().filter(Guarantee.Sent::valid).count());
    }
  }

  private HeadwaterProcess.Mode mode(
      String name, StreamSettings.Guarantee guarantee, StreamSettings.Protocol protocol) {
    // nothing is aborted by being late
    Map<String, Object> patient = Map.of("producer.transaction.timeout.ms", 600_000);
    return new HeadwaterProcess.Mode(
        name, name, files, state, guarantee, protocol, patient, "", Map.of());
  }

  /** A second scorer goes on where the first was, and with what came meanwhile. */
  private void finish(Deployment on, HeadwaterProcess.Mode mode) throws Exception {
    send(on, BATCH);
    Settings settings = SettingsLoader.load(mode.configure(on, OFTEN, 0), Map.of(), Map.of());
    try (StreamService second =
        new StreamService(
            settings.stream(),
            bundle,
            settings.scoring(),
            settings.topics(),
            settings.kafka(),
            settings.heads().signatures(),
            on.metrics)) {
      second.start();
      awaitAll(on);
    }
    InMemoryScorerMetrics.Counts counts = on.metrics.counts();
    assertThat(counts.received())
        .as("received = predicted + deadLettered, %s", counts)
        .isPositive()
        .isEqualTo(counts.predicted() + counts.deadLettered());
  }

  /** Returns with records in hand, after the head has made predictions that committed. */
  private void swapWhileSending(Deployment on, HeadPublisher publisher, Head head) {
    send(on, BATCH);
    publisher.promote(head, "test");
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(300))
        .until(
            () -> {
              send(on, 20);
              return on.committed(on.topics.predictions()).stream()
                  .anyMatch(r -> r.value().leading().headVersion() == head.info().version());
            });
    send(on, BATCH);
  }

  private void send(Deployment on, int records) {
    for (int i = 0; i < records; i++) {
      int n = sent.size();
      int partition = random.nextInt(PARTITIONS);
      Guarantee.Sent record = new Guarantee.Sent("r" + n, "p" + partition, n % POISON_EVERY != 0);
      sent.add(record);
      boolean early = random.nextBoolean();
      boolean labelled = record.valid() && SELECTION.audits(record.recordId());
      if (labelled && early) {
        on.labelLater(record.recordId(), "kind", "label-1");
      }
      on.send(
          partition,
          record.key(),
          record.valid() ? valid(record.recordId()) : poison(n / POISON_EVERY),
          new RecordHeader("headwater-record-id", record.recordId().getBytes(UTF_8)));
      if (labelled && !early) {
        on.labelLater(record.recordId(), "kind", "label-1");
      }
    }
    on.flush();
  }

  private byte[] valid(String id) {
    return "{\"id\": \"%s\", \"x\": [%s, %s, 0, 1]}"
        .formatted(id, random.nextFloat(), random.nextFloat())
        .getBytes(UTF_8);
  }

  private static byte[] poison(int kind) {
    return switch (kind % 5) {
      case 0 -> null;
      case 1 -> new byte[0];
      case 2 -> "{\"id\": \"p\", \"x\": [1, 2".getBytes(UTF_8);
      case 3 -> "{\"id\": \"p\", \"x\": [1, 2, 3]}".getBytes(UTF_8);
      default -> "{\"id\": \"p\", \"x\": [1, NaN, 3, 4]}".getBytes(UTF_8);
    };
  }

  private static void killInATransaction(HeadwaterProcess scorer, Deployment on, Admin admin)
      throws InterruptedException {
    awaitTransaction(on, admin);
    assertThat(scorer.kill()).as("exit code of SIGKILL").isEqualTo(128 + 9);
  }

  /** Waits until predictions are written and not yet committed. */
  private static void awaitTransaction(Deployment on, Admin admin) {
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(10))
        .until(
            () ->
                end(on, admin, IsolationLevel.READ_UNCOMMITTED)
                    > end(on, admin, IsolationLevel.READ_COMMITTED));
  }

  private static long end(Deployment on, Admin admin, IsolationLevel isolation) throws Exception {
    Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
    for (int partition = 0; partition < PARTITIONS; partition++) {
      latest.put(
          new TopicPartition(on.topics.predictions().name(), partition), OffsetSpec.latest());
    }
    return admin
        .listOffsets(latest, new ListOffsetsOptions(isolation))
        .all()
        .get()
        .values()
        .stream()
        .mapToLong(offset -> offset.offset())
        .sum();
  }

  private void awaitAll(Deployment on) {
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(500))
        .untilAsserted(() -> Guarantee.NOTHING_IS_LOST.check(sent, Guarantee.Committed.on(on)));
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(500))
        .untilAsserted(
            () ->
                assertThat(
                        on.committed(on.topics.samples()).stream()
                            .map(r -> r.value().getRecordId())
                            .collect(Collectors.toSet()))
                    .hasSameSizeAs(labelled().keySet()));
  }

  private void exactlyOnce(Guarantee.Committed committed) {
    List.of(
            Guarantee.EVERY_VALID_RECORD_IS_PREDICTED_ONCE,
            Guarantee.EVERY_INVALID_RECORD_IS_A_DEAD_LETTER_ONCE,
            Guarantee.ORDER_IS_KEPT,
            Guarantee.PREDICTIONS_HAVE_THE_KEYS_OF_THEIR_RECORDS,
            Guarantee.EACH_KEY_HAS_ONE_PARTITION_AND_ITS_ORDER,
            Guarantee.headsAreThoseThatWereLiveInTheirOrder(List.of(0L, 1L, 2L, 3L)),
            Guarantee.headsSayWhatTheyMust(version -> TestHead.label(bundle, version)),
            Guarantee.everyLabelledRecordIsASampleOnce(labelled()))
        .forEach(guarantee -> guarantee.check(sent, committed));
  }

  /** By the ids the audit draws: each was labelled once, before or after it was scored. */
  private Map<String, String> labelled() {
    return sent.stream()
        .filter(s -> s.valid() && SELECTION.audits(s.recordId()))
        .collect(Collectors.toMap(Guarantee.Sent::recordId, s -> "label-1"));
  }

  /** The faults fired. */
  private static void assertAborted(Deployment on) {
    int written = on.written(on.topics.predictions()).size();
    assertThat(written)
        .as("predictions written, the killed transactions' included")
        .isGreaterThan(on.committed(on.topics.predictions()).size());
  }

  private static void assertAddsUp(Map<String, Integer> counts) {
    assertThat(counts.get("records_received"))
        .as("received = predicted + deadLettered, %s", counts)
        .isPositive()
        .isEqualTo(counts.get("records_predicted") + counts.get("records_dead_lettered"));
    assertThat(counts.get("records_reviewed")).as("%s", counts).isPositive();
    assertThat(counts.get("labels_dead_lettered")).isZero();
    assertThat(counts.get("labels_unmatched")).isZero();
    assertThat(counts).containsEntry("head_refusals", 0);
  }
}
