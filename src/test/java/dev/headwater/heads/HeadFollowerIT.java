package dev.headwater.heads;

import static dev.headwater.heads.TestHeads.TASK;
import static dev.headwater.heads.TestHeads.head;
import static dev.headwater.heads.TestHeads.info;
import static dev.headwater.heads.TestHeads.pointer;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.schema.LivePointer;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Topic;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HeadFollowerIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  @TempDir static Path directory;
  private static HeadBroker broker;
  private final RecordingSink sink = new RecordingSink();
  private Topic<String, byte[]> topic;
  private HeadPublisher publisher;
  private HeadFollower follower;

  @BeforeAll
  static void startBroker() {
    broker = new HeadBroker(directory);
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @BeforeEach
  void createTopic() throws Exception {
    topic = broker.topic(Map.of("cleanup.policy", "compact"));
    publisher = broker.publisher(topic, topic.name());
    follower =
        new HeadFollower(
            broker.kafka(),
            topic,
            Signatures.NONE,
            Map.of(TestHeads.TASK, TestHeads.BACKBONE),
            sink);
  }

  @AfterEach
  void close() {
    follower.close();
    publisher.close();
  }

  @Test
  void handsOverOnlyTheLiveHeadWhenItCatchesUp() throws Exception {
    // given: a history with a rollback in it
    publisher.promote(head(1), "trainer");
    publisher.promote(head(2), "trainer");
    publisher.promote(head(3), "trainer");
    publisher.point(TASK, 2, false, "cli");

    // when
    startAndCatchUp();

    // then
    assertThat(sink.heads).containsExactly(head(2));
    assertThat(sink.refused).isEmpty();
    assertThat(follower.health().up()).isTrue();
    assertThat(follower.health().cause()).isEqualTo("intent: version 2, epoch 4");
  }

  @Test
  void followsPromotionsAndRollbacksAsTheyCome() throws Exception {
    // given
    startAndCatchUp();
    assertThat(follower.health().cause()).isEqualTo("no head is live");

    // when, then
    publisher.promote(head(1), "trainer");
    awaitVersions(1L);
    publisher.promote(head(2), "trainer");
    awaitVersions(1L, 2L);
    publisher.point(TASK, 1, false, "cli");
    awaitVersions(1L, 2L, 1L);
    assertThat(sink.refused).isEmpty();
  }

  @Test
  void keepsTheLastGoodHeadWhenTheNextIsCorrupt() throws Exception {
    // given: bytes that are exactly what the manifest promises, but no safetensors
    publisher.promote(head(1), "trainer");
    startAndCatchUp();
    byte[] noise = "not safetensors at all".getBytes(java.nio.charset.StandardCharsets.UTF_8);
    broker.write(topic, HeadKey.chunk(TASK, 2, 0), noise);
    broker.write(
        topic,
        HeadKey.manifest(TASK, 2),
        HeadCodec.json(new Manifest(1, noise.length, HeadCodec.sha256(noise), info(2))));

    // when
    broker.write(topic, HeadKey.live(TASK), HeadCodec.json(pointer(2, 2)));

    // then
    awaitRefusal("intent 2: The safetensors header length is");
    assertThat(sink.versions).containsExactly(1L);
    assertThat(follower.health().up()).as("a bad head does not take the scorer down").isTrue();
    assertThat(follower.health().cause())
        .startsWith("intent: version 1, epoch 1; rejected: The safetensors header");

    // when, then: the next good one is taken
    publisher.promote(head(3), "trainer");
    awaitVersions(1L, 3L);
    assertThat(follower.health().cause()).isEqualTo("intent: version 3, epoch 3");
  }

  @Test
  void refusesAHeadThatWasDamagedOnItsWay() throws Exception {
    // given
    Map<String, byte[]> records = TestHeads.records(head(1), 3);
    records.get(HeadKey.chunk(TASK, 1, 2))[3] ^= 64;
    broker.write(topic, records);
    broker.write(topic, HeadKey.live(TASK), HeadCodec.json(pointer(1, 1)));

    // when
    startAndCatchUp();

    // then
    awaitRefusal("intent 1: Version 1 of intent is damaged: SHA-256");
    assertThat(sink.versions).isEmpty();
  }

  @Test
  void refusesAHeadThatIsTooLargeAndGoesBackToAnOlderOne() throws Exception {
    // given
    publisher.promote(head(1), "trainer");
    publisher.promote(head(2), "trainer");
    startAndCatchUp();

    // when
    sink.largest = 100;
    publisher.promote(head(3), "trainer");

    // then
    awaitRefusal("intent 3: Version 3 of intent does not fit (");
    assertThat(sink.causes).containsExactly(RejectedHeadException.Cause.OVERSIZED);
    assertThat(sink.refused.get(0)).contains("the maximum for a head with 3 labels is 100 bytes");
    assertThat(sink.versions).as("version 2 serves on").containsExactly(2L);

    // when, then
    publisher.point(TASK, 1, true, "cli");
    awaitVersions(2L, 1L);
    assertThat(follower.health().cause()).isEqualTo("intent: version 1, epoch 4");
  }

  @Test
  void refusesAHeadForAnotherBackbone() throws Exception {
    // given
    startAndCatchUp();

    // when
    publisher.promote(head(info(1, 0, "c".repeat(64), true)), "trainer");

    // then
    awaitRefusal("intent 1: Version 1 of intent belongs to backbone ccc");
    assertThat(sink.versions).isEmpty();
  }

  @Test
  void ignoresAPointerOfAnOlderEpoch() throws Exception {
    // given
    publisher.promote(head(1), "trainer");
    LivePointer old = publisher.read().live(TASK).orElseThrow();
    publisher.promote(head(2), "trainer");
    startAndCatchUp();

    // when
    broker.write(topic, HeadKey.live(TASK), HeadCodec.json(old));

    // then
    awaitRefusal(
        "intent 1: The pointer to version 1 is ignored: it has epoch 1, but epoch 2 was read");
    assertThat(sink.versions).containsExactly(2L);
  }

  @Test
  void waitsForTheRecordsOfAHeadNamedLiveTooEarly() throws Exception {
    // given: the pointer first, and the rest without one chunk
    publisher.promote(head(1), "trainer");
    startAndCatchUp();
    Map<String, byte[]> records = TestHeads.records(head(2), 3);
    byte[] missing = records.remove(HeadKey.chunk(TASK, 2, 1));
    broker.write(topic, HeadKey.live(TASK), HeadCodec.json(pointer(2, 2)));
    awaitRefusal("intent 2: Version 2 of intent is live but incomplete");
    broker.write(topic, records);
    assertThat(sink.versions).containsExactly(1L);

    // when
    broker.write(topic, HeadKey.chunk(TASK, 2, 1), missing);

    // then
    awaitVersions(1L, 2L);
    assertThat(sink.heads.get(1)).isEqualTo(head(2));
    assertThat(sink.refused).as("told once").hasSize(1);
  }

  @Test
  void takesDuplicatedAndReplayedRecordsAsNothingNew() throws Exception {
    // given
    publisher.promote(head(1), "trainer");
    publisher.promote(head(2), "trainer");
    startAndCatchUp();
    Map<String, byte[]> again = new HashMap<>(TestHeads.records(head(2), 2));
    again.putAll(TestHeads.records(head(1), 5));

    // when: everything again in another order, the live pointer too, and then something new
    broker.write(topic, again);
    LivePointer live = publisher.read().live(TASK).orElseThrow();
    broker.write(topic, HeadKey.live(TASK), HeadCodec.json(live));
    publisher.promote(head(3), "trainer");

    // then
    awaitVersions(2L, 3L);
    assertThat(sink.refused).isEmpty();
  }

  @Test
  void neverSeesAnAbortedPromotion() throws Exception {
    // given
    startAndCatchUp();
    Map<String, Object> config = new HashMap<>(broker.kafka());
    config.put("transactional.id", "aborting");
    try (KafkaProducer<String, byte[]> producer =
        new KafkaProducer<>(config, topic.key().serializer(), topic.value().serializer())) {
      producer.initTransactions();
      producer.beginTransaction();
      TestHeads.records(head(1), 2)
          .forEach((key, value) -> producer.send(new ProducerRecord<>(topic.name(), key, value)));
      producer.send(
          new ProducerRecord<>(topic.name(), HeadKey.live(TASK), HeadCodec.json(pointer(1, 1))));
      producer.flush();
      producer.abortTransaction();
    }

    // when
    publisher.promote(head(2), "trainer");

    // then
    awaitVersions(2L);
    assertThat(sink.refused).isEmpty();
  }

  @Test
  void aPointerToAHeadThatIsTurnedDownEndsTheCanaryToo() throws Exception {
    // given
    sink.turnsDown = 3;
    publisher.promote(head(1), "trainer");
    publisher.propose(head(2));
    publisher.propose(head(3));
    startAndCatchUp();
    publisher.canary(TASK, 2, .5, "cli");
    await().atMost(PATIENCE).until(() -> sink.canaries.contains("2 for 0.5"));
    sink.canaries.clear();

    // when
    publisher.point(TASK, 3, false, "cli");

    // then
    awaitRefusal("intent 3: Its golden inputs give other logits.");
    assertThat(sink.canaries).containsExactly("none");
  }

  @Test
  void goesOnWhenTheSinkTurnsAHeadDownOrBreaksOnOne() throws Exception {
    // given
    sink.turnsDown = 1;
    sink.breaksOn = 2;
    startAndCatchUp();

    // when
    publisher.promote(head(1), "trainer");
    awaitRefusal("intent 1: Its golden inputs give other logits.");
    publisher.promote(head(2), "trainer");
    awaitRefusal("intent 2: Version 2 of intent could not be installed: the sink broke.");
    publisher.promote(head(3), "trainer");

    // then
    awaitVersions(3L);
  }

  /** As where there is no room for a file, or no memory: neither is the head's fault, or lasts. */
  @Test
  void triesAHeadAgainThatOnlyThisMomentCouldNotTake() throws Exception {
    // given
    startAndCatchUp();
    sink.failures.add(new UncheckedIOException(new IOException("no space left on device")));
    sink.failures.add(new OutOfMemoryError("planted"));

    // when
    publisher.promote(head(1), "trainer");

    // then
    awaitVersions(1L);
    assertThat(sink.failures).as("both came").isEmpty();
    assertThat(sink.refused).isEmpty();
    publisher.promote(head(2), "trainer");
    awaitVersions(1L, 2L);
  }

  @Test
  void tellsOfEachHeadThatIsTurnedDownThoughTheReasonIsTheSame() throws Exception {
    // given
    startAndCatchUp();

    // when, then: no head was taken between them
    sink.turnsDown = 1;
    publisher.promote(head(1), "trainer");
    awaitRefusal("intent 1: Its golden inputs give other logits.");
    sink.turnsDown = 2;
    publisher.promote(head(2), "trainer");
    awaitRefusal("intent 2: Its golden inputs give other logits.");
  }

  @Test
  void tellsOfRecordsThatAreNoHeads() throws Exception {
    // given
    broker.write(topic, "stray", new byte[] {1});
    broker.write(topic, HeadKey.live(TASK), new byte[] {1});
    publisher.promote(head(1), "trainer");

    // when
    startAndCatchUp();

    // then
    assertThat(sink.versions).containsExactly(1L);
    assertThat(sink.refused)
        .satisfiesExactly(
            stray -> assertThat(stray).startsWith(" -1: The record key 'stray' does not belong"),
            live ->
                assertThat(live)
                    .startsWith("intent -1: The record 'live/intent' is not valid JSON"));
  }

  @Test
  void waitsForATopicThatDoesNotExistYet() throws Exception {
    // given
    Topic<String, byte[]> later = HeadBroker.named();
    try (HeadFollower early =
            new HeadFollower(
                broker.kafka(),
                later,
                Signatures.NONE,
                Map.of(TestHeads.TASK, TestHeads.BACKBONE),
                sink);
        HeadPublisher laterPublisher = broker.publisher(later, later.name())) {
      early.start();
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> assertThat(early.health().cause()).contains("does not exist: create it"));
      assertThat(early.health().up()).isFalse();

      // when
      broker.create(later, Map.of("cleanup.policy", "compact"));
      laterPublisher.promote(head(1), "trainer");

      // then
      assertThat(early.awaitCaughtUp(PATIENCE)).isTrue();
      awaitVersions(1L);
      assertThat(early.health().up()).isTrue();
    }
  }

  @Test
  void servesOnWhenTheTopicIsMadeAnew() throws Exception {
    // given: epoch 2
    publisher.promote(head(1), "trainer");
    publisher.promote(head(2), "trainer");
    startAndCatchUp();

    // when: a new topic, whose epochs begin again
    broker.delete(topic);
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(follower.health().cause()).contains("does not exist"));
    broker.create(topic, Map.of("cleanup.policy", "compact"));
    await().atMost(PATIENCE).until(() -> follower.health().up());
    broker.write(topic, TestHeads.records(head(7), 2));
    broker.write(topic, HeadKey.live(TASK), HeadCodec.json(pointer(1, 7)));

    // then
    awaitRefusal(
        "intent 7: The pointer to version 7 is ignored: it has epoch 1, but epoch 2 was read");
    assertThat(sink.versions).as("version 2 serves on").containsExactly(2L);

    // when, then: as the old topic's writer would have numbered it
    broker.write(topic, HeadKey.live(TASK), HeadCodec.json(pointer(2, 7)));
    awaitRefusal(
        "intent 7: The pointer to version 7 is ignored: it has epoch 2, but epoch 2 was read");
    assertThat(sink.versions).as("version 2 serves on").containsExactly(2L);

    // when, then: a higher epoch counts again
    broker.write(topic, HeadKey.live(TASK), HeadCodec.json(pointer(3, 7)));
    awaitVersions(2L, 7L);
  }

  @Test
  void outlivesABrokerOutageAndInstallsNothingTwice() throws Exception {
    // given
    publisher.promote(head(1), "trainer");
    startAndCatchUp();

    // when
    broker.broker.stop();
    await().atMost(PATIENCE).until(() -> !follower.health().up());

    // then
    assertThat(follower.health().cause()).contains("failed, retrying: ");

    // when
    broker.broker.restart();
    await().atMost(PATIENCE).until(() -> follower.health().up());
    publisher.promote(head(2), "trainer");

    // then
    awaitVersions(1L, 2L);
    assertThat(sink.refused).isEmpty();
  }

  @Test
  void saysThatItHasNotCaughtUpWhereThereIsNoBroker() throws Exception {
    Map<String, Object> nobody = Map.of("bootstrap.servers", "localhost:1");
    try (HeadFollower lost =
        new HeadFollower(
            nobody, topic, Signatures.NONE, Map.of(TestHeads.TASK, TestHeads.BACKBONE), sink)) {
      lost.start();
      assertThat(lost.awaitCaughtUp(Duration.ofMillis(50))).isFalse();
      assertThat(lost.health().up()).isFalse();
    }
  }

  @Test
  void closesTwiceAndWithoutAStart() throws Exception {
    try (HeadFollower idle =
        new HeadFollower(
            broker.kafka(),
            topic,
            Signatures.NONE,
            Map.of(TestHeads.TASK, TestHeads.BACKBONE),
            sink)) {
      idle.close();
    }
    startAndCatchUp();
    follower.close();
    follower.close();
    assertThat(follower.health().cause()).isEqualTo("the heads topic follower has stopped");
  }

  private void startAndCatchUp() throws InterruptedException {
    follower.start();
    assertThat(follower.awaitCaughtUp(PATIENCE)).as(() -> follower.health().cause()).isTrue();
  }

  private void awaitVersions(Long... versions) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(sink.versions).containsExactly(versions));
  }

  private void awaitRefusal(String start) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(sink.refused).anyMatch(reason -> reason.startsWith(start)));
  }
}
