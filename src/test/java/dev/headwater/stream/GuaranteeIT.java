package dev.headwater.stream;

import static dev.headwater.stream.Deployment.PATIENCE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Head;
import dev.headwater.schema.Prediction;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Exactly once through SIGKILLs, poison records and head swaps. */
class GuaranteeIT {
  private static final String NAME = "guarantee";
  private static final int PARTITIONS = 4;
  private static final int BATCH = 500;
  private static final int POISON_EVERY = 37;
  private static final Selection SELECTION = new Selection(ScorerProcess.AUDIT_SHARE, 0);

  private static final List<Guarantee> GUARANTEES =
      List.of(
          Guarantee.EVERY_VALID_RECORD_IS_PREDICTED_ONCE,
          Guarantee.EVERY_INVALID_RECORD_IS_A_DEAD_LETTER_ONCE,
          Guarantee.ORDER_IS_KEPT,
          Guarantee.VERSIONS_NEVER_GO_BACK,
          Guarantee.everyAuditedRecordIsASampleOnce(SELECTION));

  @TempDir Path directory;
  private final Random random = new Random(42);
  private final List<Guarantee.Sent> sent = new ArrayList<>();

  @Test
  void holdsThroughTwoKillsAndThreeSwaps() throws Exception {
    Path files = Files.createDirectory(directory.resolve("bundle"));
    Path state = directory.resolve("state");
    Bundle bundle = Bundles.tabular(files, 4, 3);
    try (EmbeddedBroker broker = EmbeddedBroker.start(directory.resolve("broker"));
        Deployment on = new Deployment(broker.bootstrapServers(), NAME, PARTITIONS);
        Admin admin = Admin.create(on.kafka);
        HeadPublisher publisher = on.publisher()) {
      ScorerProcess first = ScorerProcess.start(on, NAME, files, state);
      swapWhileSending(on, publisher, TestHead.of(bundle, 1));
      killInATransaction(first, on, admin);

      ScorerProcess second = ScorerProcess.start(on, NAME, files, state);
      swapWhileSending(on, publisher, TestHead.of(bundle, 2));
      killInATransaction(second, on, admin);

      ScorerProcess third = ScorerProcess.start(on, NAME, files, state);
      swapWhileSending(on, publisher, TestHead.of(bundle, 3));
      awaitAll(on);
      Map<String, Integer> counts = third.stop();

      Guarantee.Committed committed = committed(on);
      GUARANTEES.forEach(guarantee -> guarantee.check(sent, committed));
      assertThat(committed.predictions())
          .allSatisfy(r -> assertMadeByTheHeadItNames(bundle, r.value()));
      assertThat(
              committed.predictions().stream()
                  .map(r -> r.value().headVersion())
                  .collect(Collectors.toSet()))
          .as("each swap took effect somewhere in the stream")
          .contains(1L, 2L, 3L);
      assertAborted(on);
      assertAddsUp(counts);
    }
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
                  .anyMatch(r -> r.value().headVersion() == head.info().version());
            });
    send(on, BATCH);
  }

  private void send(Deployment on, int records) {
    for (int i = 0; i < records; i++) {
      int n = sent.size();
      Guarantee.Sent record =
          new Guarantee.Sent("r" + n, random.nextInt(PARTITIONS), n % POISON_EVERY != 0);
      sent.add(record);
      boolean early = random.nextBoolean();
      boolean labelled = record.valid() && SELECTION.audits(record.recordId());
      if (labelled && early) {
        on.labelLater(record.recordId(), "kind", "label-1");
      }
      on.send(
          record.partition(),
          "p" + record.partition(),
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

  /** Waits until predictions are written and not yet committed. */
  private static void killInATransaction(ScorerProcess scorer, Deployment on, Admin admin)
      throws InterruptedException {
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(10))
        .until(
            () ->
                end(on, admin, IsolationLevel.READ_UNCOMMITTED)
                    > end(on, admin, IsolationLevel.READ_COMMITTED));
    assertThat(scorer.kill()).as("exit code of SIGKILL").isEqualTo(128 + 9);
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
    long samples = sent.stream().filter(s -> s.valid() && SELECTION.audits(s.recordId())).count();
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofMillis(500))
        .until(
            () ->
                on.committed(on.topics.predictions()).size()
                            + on.committed(on.topics.deadLetters()).size()
                        >= sent.size()
                    && on.committed(on.topics.samples()).size() >= samples);
  }

  private static Guarantee.Committed committed(Deployment on) {
    return new Guarantee.Committed(
        on.committed(on.topics.predictions()),
        on.committed(on.topics.deadLetters()),
        on.committed(on.topics.samples()));
  }

  private static void assertMadeByTheHeadItNames(Bundle bundle, Prediction prediction) {
    if (prediction.headVersion() > 0) {
      assertThat(prediction.label())
          .as("head %d, %s", prediction.headVersion(), prediction.source())
          .isEqualTo(TestHead.label(bundle, prediction.headVersion()));
    }
  }

  /** The faults fired. */
  private static void assertAborted(Deployment on) {
    long written = on.written(on.topics.predictions());
    assertThat(written)
        .as("predictions written, the killed transactions' included")
        .isGreaterThan(on.committed(on.topics.predictions()).size());
  }

  private static void assertAddsUp(Map<String, Integer> counts) {
    assertThat(counts.get("received"))
        .as("received = predicted + deadLettered, %s", counts)
        .isPositive()
        .isEqualTo(counts.get("predicted") + counts.get("deadLettered"));
    assertThat(counts.get("reviewed")).as("%s", counts).isPositive();
    assertThat(counts.get("labelsDeadLettered")).isZero();
    assertThat(counts.get("labelsUnmatched")).isZero();
    assertThat(counts.get("headsRefused")).isZero();
  }
}
