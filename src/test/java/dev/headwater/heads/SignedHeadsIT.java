package dev.headwater.heads;

import static dev.headwater.heads.TestHeads.TASK;
import static dev.headwater.heads.TestHeads.head;
import static dev.headwater.heads.TestHeads.pointer;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Topic;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where keys are trusted, what they did not sign changes nothing, whoever may write it. */
class SignedHeadsIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  @TempDir static Path directory;
  private static HeadBroker broker;
  private static TestKeys keys;
  private final RecordingSink sink = new RecordingSink();
  private Topic<String, byte[]> topic;
  private HeadPublisher publisher;
  private HeadFollower follower;

  @BeforeAll
  static void startBroker() throws Exception {
    broker = new HeadBroker(directory.resolve("broker"));
    keys = new TestKeys(directory).pair("old", "Ed25519").pair("new", "Ed25519");
    keys.pair("stranger", "Ed25519");
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @BeforeEach
  void serveVersionOne() throws Exception {
    topic = broker.topic(Map.of("cleanup.policy", "compact"));
    publisher = broker.publisher(topic, topic.name(), keys.signing("old", "old"));
    follower = follower(keys.trusting("old"));
    publisher.promote(head(1), "trainer");
    follower.start();
    awaitVersions(1L);
  }

  @AfterEach
  void close() {
    follower.close();
    publisher.close();
  }

  @Test
  void signedHeadsPointersAndRetirementsAreFollowed() throws Exception {
    try (HeadPublisher few =
        new HeadPublisher(
            broker.kafka(),
            topic,
            topic.name(),
            new HeadSettings(1, 300, keys.signing("old", "old")))) {
      few.promote(head(2), "trainer");
      few.promote(head(3), "trainer");
      few.promote(head(4), "trainer");
      awaitLast(4);
      few.point(TASK, 3, false, "cli");
    }

    awaitLast(3);
    assertThat(sink.refused).isEmpty();
    assertThat(log(keys.trusting("old")).hasTensors(TASK, 1)).as("retired, and signed").isFalse();
  }

  @Test
  void anUnsignedPointerHasNoPower() throws Exception {
    // given: an accepted head that is not live any more, and somebody who can write
    publisher.promote(head(2), "trainer");
    awaitVersions(1L, 2L);

    // when
    write(HeadKey.live(TASK), HeadCodec.json(pointer(Long.MAX_VALUE, 1)));

    // then: neither now, nor may its epoch keep later ones away
    awaitRefusal("intent -1: The record 'live/intent' is not signed.");
    assertThat(sink.causes).containsExactly(RejectedHeadException.Cause.UNSIGNED);
    publisher.promote(head(3), "trainer");
    awaitVersions(1L, 2L, 3L);
  }

  @Test
  void anUnsignedHeadIsNeverRead() throws Exception {
    TestHeads.records(head(2), 2).forEach(this::write);
    write(HeadKey.live(TASK), HeadCodec.json(pointer(2, 2)));

    awaitRefusal("intent 2: The record 'head/intent/2/manifest' is not signed.");
    awaitRefusal("intent -1: The record 'live/intent' is not signed.");
    assertThat(publisher.read().nextVersion(TASK)).as("nor does it take a number").isEqualTo(2);
    assertThat(sink.versions).containsExactly(1L);
  }

  @Test
  void aByteThatIsChangedTakesTheSignature() throws Exception {
    // given
    publisher.promote(head(2), "trainer");
    awaitVersions(1L, 2L);
    ConsumerRecord<String, byte[]> pointer = last(HeadKey.live(TASK));
    String changed = new String(pointer.value()).replace("\"epoch\":2", "\"epoch\":9");

    // when
    broker.write(copy(pointer, topic.name(), pointer.key(), changed.getBytes()));

    // then
    awaitRefusal("intent -1: The record 'live/intent' is not signed by a trusted key");
    assertThat(sink.versions).containsExactly(1L, 2L);
  }

  @Test
  void aKeyThatIsNotTrustedCountsAsNone() throws Exception {
    try (HeadPublisher stranger =
        broker.publisher(topic, "stranger", keys.signing("stranger", "stranger"))) {
      stranger.promote(head(2), "trainer");
    }

    awaitRefusal("intent -1: The record 'live/intent' is not signed by a trusted key");
    assertThat(sink.versions).containsExactly(1L);
    assertThat(log(keys.trusting("old")).live(TASK).orElseThrow().version()).isEqualTo(1);
  }

  @Test
  void aSignatureIsNotForAnotherHeadsTensors() throws Exception {
    // given: versions 2 and 3, both signed, 3 live
    publisher.promote(head(2), "trainer");
    awaitVersions(1L, 2L); // of two that come at once the first would never serve
    publisher.promote(head(3), "trainer");
    awaitVersions(1L, 2L, 3L);

    // when: a chunk of 2 takes the place of one of 3, under its own signature
    ConsumerRecord<String, byte[]> chunk = last(HeadKey.chunk(TASK, 2, 0));
    broker.write(copy(chunk, topic.name(), HeadKey.chunk(TASK, 3, 0), chunk.value()));
    publisher.point(TASK, 2, false, "cli");
    publisher.point(TASK, 3, false, "cli");

    // then
    awaitRefusal("intent 3: The record 'head/intent/3/0' is not signed by a trusted key");
    await().atMost(PATIENCE).until(() -> follower.health().cause().contains("version 3, epoch 5"));
    assertThat(sink.heads.get(sink.heads.size() - 1)).as("the true one").isEqualTo(head(3));
  }

  @Test
  void aSignatureIsNotForAnotherTask() throws Exception {
    // given: the same bundle has another task, and what it says of itself is believed
    ConsumerRecord<String, byte[]> pointer = last(HeadKey.live(TASK));

    // when
    broker.write(copy(pointer, topic.name(), HeadKey.live("domain"), pointer.value()));
    broker.write(copy(pointer, topic.name(), HeadKey.manifest(TASK, 2), pointer.value()));

    // then
    awaitRefusal("intent 2: The record 'head/intent/2/manifest' is not signed by a trusted key");
    assertThat(log(keys.trusting("old")).tasks()).containsExactly(TASK);
  }

  @Test
  void aSignatureIsNotForAnotherTopic() throws Exception {
    // given: staging, with the same key and a later epoch
    Topic<String, byte[]> staging = broker.topic(Map.of("cleanup.policy", "compact"));
    try (HeadPublisher there = broker.publisher(staging, "staging", keys.signing("old", "old"))) {
      there.promote(head(2), "trainer");
      there.promote(head(3), "trainer");
    }

    // when
    for (ConsumerRecord<String, byte[]> record : broker.records(staging)) {
      broker.write(copy(record, topic.name(), record.key(), record.value()));
    }

    // then
    awaitRefusal("intent -1: The record 'live/intent' is not signed by a trusted key");
    assertThat(sink.versions).containsExactly(1L);
  }

  @Test
  void labelNamesNeedASignatureToo() throws Exception {
    LabelAliases signed = LabelAliases.none(TASK).renamed("buy", "acquire");
    publisher.relabel(signed, head(2), "cli");

    LabelAliases forged = new LabelAliases(TASK, Map.of(), Set.of("acquire"));
    write(HeadKey.labels(TASK), HeadCodec.json(forged));
    write(HeadKey.labels(TASK), null);

    assertThat(log(keys.trusting("old")).aliases(TASK)).isEqualTo(signed);
    assertThat(log(Signatures.NONE).aliases(TASK)).as("it is there").isNotEqualTo(signed);
  }

  @Test
  void anUnsignedTombstoneDoesNotMakeReadersForget() throws Exception {
    write(HeadKey.manifest(TASK, 1), null);
    write(HeadKey.chunk(TASK, 1, 0), null);

    assertThat(log(keys.trusting("old")).head(TASK, 1)).contains(head(1));
  }

  @Test
  void keysAreChangedWhileEverythingRuns() throws Exception {
    // given: readers that trust the next key before anybody signs with it
    try (HeadFollower both = follower(keys.trusting("old", "new"));
        HeadPublisher next =
            broker.publisher(topic, topic.name(), keys.signing("new", "old", "new"))) {
      both.start();
      await().atMost(PATIENCE).until(() -> both.health().up());
      sink.versions.clear();

      // when
      next.promote(head(2), "trainer");

      // then
      await().atMost(PATIENCE).until(() -> sink.versions.contains(2L));
      assertThat(both.health().cause()).isEqualTo("intent: version 2, epoch 2");
      awaitRefusal("intent -1: The record 'live/intent' is not signed by a trusted key");
      assertThat(follower.health().cause())
          .as("who was not told trusts the old one")
          .startsWith("intent: version 1, epoch 1; rejected:");
    }
  }

  @Test
  void nobodyWritesUnsignedWhereKeysAreTrusted() {
    assertThatThrownBy(() -> broker.publisher(topic, "unsigned", keys.trusting("old")))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("heads.signing-key");
  }

  private HeadFollower follower(Signatures signatures) {
    return new HeadFollower(
        broker.kafka(), topic, signatures, Map.of(TASK, TestHeads.BACKBONE), sink);
  }

  private HeadLog log(Signatures signatures) {
    return HeadLog.read(broker.kafka(), topic, signatures);
  }

  private void write(String key, byte[] value) {
    try {
      broker.write(topic, key, value);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private ConsumerRecord<String, byte[]> last(String key) {
    List<ConsumerRecord<String, byte[]>> all =
        broker.records(topic).stream().filter(record -> record.key().equals(key)).toList();
    return all.get(all.size() - 1);
  }

  /** With its signature, elsewhere. */
  private static ProducerRecord<String, byte[]> copy(
      ConsumerRecord<String, byte[]> record, String topic, String key, byte[] value) {
    return new ProducerRecord<>(topic, 0, key, value, record.headers());
  }

  private void awaitVersions(Long... versions) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(sink.versions).containsExactly(versions));
  }

  private void awaitLast(long version) {
    await().atMost(PATIENCE).until(() -> sink.versions.get(sink.versions.size() - 1) == version);
  }

  private void awaitRefusal(String start) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(() -> assertThat(sink.refused).anyMatch(r -> r.startsWith(start)));
  }
}
