package dev.headwater.heads;

import static dev.headwater.heads.TestHeads.TASK;
import static dev.headwater.heads.TestHeads.head;
import static dev.headwater.heads.TestHeads.info;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Topic;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeadPublisherIT {
  @TempDir static Path directory;
  private static HeadBroker broker;
  private Topic<String, byte[]> topic;

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
  }

  @Test
  void publishesAHeadInChunksWithItsManifestAndPointerLast() {
    try (HeadPublisher publisher = broker.publisher(topic, "trainer")) {
      // when
      LivePointer pointer = publisher.promote(head(1), "trainer");

      // then
      List<String> keys = broker.records(topic).stream().map(ConsumerRecord::key).toList();
      assertThat(keys)
          .startsWith("head/intent/1/0", "head/intent/1/1", "head/intent/1/2")
          .endsWith("head/intent/1/manifest", "live/intent");
      assertThat(broker.records(topic).subList(0, keys.size() - 2))
          .allSatisfy(chunk -> assertThat(chunk.value().length).isBetween(1, 300));
      assertThat(pointer.epoch()).isEqualTo(1);
      assertThat(pointer.version()).isEqualTo(1);
      HeadLog log = HeadLog.read(broker.kafka(), topic, Signatures.NONE);
      assertThat(log.live(TASK)).contains(pointer);
      assertThat(log.head(TASK, 1)).contains(head(1));
    }
  }

  @Test
  void keepsTheVerdictOfARefusedCandidateButNotItsTensors() {
    try (HeadPublisher publisher = broker.publisher(topic, "trainer")) {
      // given
      publisher.promote(head(1), "trainer");
      HeadInfo refused = info(2, 1, TestHeads.BACKBONE, false);

      // when
      publisher.publishRejected(refused);

      // then
      HeadLog log = publisher.read();
      assertThat(log.versions(TASK)).containsExactly(info(1), refused);
      assertThat(log.head(TASK, 2)).isEmpty();
      assertThat(log.nextVersion(TASK)).isEqualTo(3);
      assertThat(log.live(TASK).orElseThrow().version()).isEqualTo(1);
      assertThatThrownBy(() -> publisher.point(TASK, 2, false, "cli"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("Version 2 of intent has no tensors");
    }
  }

  @Test
  void rollsBackUnderAHigherEpoch() {
    try (HeadPublisher trainer = broker.publisher(topic, "trainer");
        HeadPublisher cli = broker.publisher(topic, "cli")) {
      // given
      trainer.promote(head(1), "trainer");
      trainer.promote(head(2), "trainer");

      // when
      LivePointer pointer = cli.point(TASK, 1, false, "cli");

      // then
      assertThat(pointer.version()).isEqualTo(1);
      assertThat(pointer.epoch()).isEqualTo(3);
      assertThat(trainer.promote(head(3), "trainer").epoch())
          .as("the trainer reads before it writes")
          .isEqualTo(4);
      assertThatThrownBy(() -> cli.point(TASK, 9, false, "cli"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("version 9 of intent does not exist; existing versions: [1, 2, 3]");
    }
  }

  @Test
  void obeysAPinUntilItIsTakenOff() {
    try (HeadPublisher publisher = broker.publisher(topic, "trainer")) {
      // given
      publisher.promote(head(1), "trainer");
      LivePointer pinned = publisher.point(TASK, 1, true, "cli");

      // when
      LivePointer afterPromotion = publisher.promote(head(2), "trainer");

      // then
      assertThat(afterPromotion).isEqualTo(pinned);
      assertThat(publisher.read().live(TASK)).contains(pinned);
      assertThat(publisher.read().head(TASK, 2)).as("published all the same").contains(head(2));

      // when
      publisher.point(TASK, 2, false, "cli");

      // then
      assertThat(publisher.promote(head(3), "trainer").version()).isEqualTo(3);
    }
  }

  @Test
  void stopsAZombieAndShowsNothingOfWhatItWrote() {
    try (HeadPublisher zombie = broker.publisher(topic, "trainer");
        HeadPublisher successor = broker.publisher(topic, "trainer")) {
      // given
      zombie.promote(head(1), "zombie");
      successor.read();

      // when, then
      for (int attempt = 1; attempt <= 2; attempt++) {
        assertThatThrownBy(() -> zombie.promote(head(2), "zombie"))
            .as("attempt %d", attempt)
            .isInstanceOf(ProducerFencedException.class)
            .hasMessageContaining("has started with transactional id trainer");
      }
      assertThat(HeadLog.read(broker.kafka(), topic, Signatures.NONE).versions(TASK))
          .containsExactly(info(1));
      assertThat(successor.promote(head(2), "successor").by()).isEqualTo("successor");
    }
  }

  @Test
  void showsNothingOfAHeadTheBrokerRefuses() throws Exception {
    // given: a head of 8 kB, and a topic that takes small records only
    topic = broker.topic(Map.of("cleanup.policy", "compact", "max.message.bytes", "2000"));
    Tensor golden = TestHeads.filled(0, 1, 1);
    Head big = new Head(info(1), Map.of("w", TestHeads.filled(1, 2000)), golden, golden);
    Map<String, Object> kafka = broker.kafka();
    try (HeadPublisher large =
            new HeadPublisher(kafka, topic, "trainer", new HeadSettings(10, 100_000));
        HeadPublisher small = broker.publisher(topic, "other")) {
      // when, then
      assertThatThrownBy(() -> large.promote(big, "trainer"))
          .isInstanceOf(KafkaException.class)
          .hasMessageContaining("nothing was written to topic " + topic.name());
      assertThat(broker.records(topic)).isEmpty();
      assertThat(small.promote(big, "other").epoch()).as("the same in chunks").isEqualTo(1);
    }
  }

  @Test
  void takesOldTensorsOffTheTopicButNeverThoseStillNeeded() {
    try (HeadPublisher publisher =
        new HeadPublisher(broker.kafka(), topic, "trainer", new HeadSettings(2, 300))) {
      // given: version 2 pinned, its parent is 1
      publisher.promote(head(1), "trainer");
      publisher.promote(head(2), "trainer");
      publisher.point(TASK, 2, true, "cli");

      // when
      LongStream.rangeClosed(3, 7).forEach(v -> publisher.promote(head(v), "trainer"));

      // then
      HeadLog log = publisher.read();
      assertThat(log.versions(TASK))
          .extracting(HeadInfo::version)
          .containsExactly(1L, 2L, 3L, 4L, 5L, 6L, 7L);
      assertThat(
              log.versions(TASK).stream()
                  .map(HeadInfo::version)
                  .filter(v -> log.head(TASK, v).isPresent()))
          .as("the pinned one, its parent and the newest two")
          .containsExactly(1L, 2L, 6L, 7L);
      Map<String, byte[]> compacted = new HashMap<>();
      broker.records(topic).forEach(record -> compacted.put(record.key(), record.value()));
      assertThat(
              compacted.entrySet().stream()
                  .filter(e -> e.getKey().matches("head/intent/[345]/\\d+")))
          .isNotEmpty()
          .allSatisfy(e -> assertThat(e.getValue()).isNull());
      assertThatThrownBy(() -> publisher.point(TASK, 4, false, "cli"))
          .hasMessageContaining("Version 4 of intent has no tensors");
    }
  }

  @Test
  void forgetsTheOldestHistoryButNeitherWhatServesNorWhichNumbersWereGiven() throws Exception {
    try (HeadPublisher publisher =
        new HeadPublisher(broker.kafka(), topic, "trainer", new HeadSettings(1, 300))) {
      // given: version 3 lives and has tensors, its parent is 2; 1 and 4 have none any more
      LongStream.rangeClosed(1, 4).forEach(v -> publisher.promote(head(v), "trainer"));
      publisher.point(TASK, 3, true, "cli");
      publisher.promote(head(info(5, 3, TestHeads.BACKBONE, true)), "trainer");

      // when: a trainer whose candidates are refused again and again
      long last = 5 + HeadSettings.HISTORY;
      LongStream.rangeClosed(6, last)
          .forEach(v -> publisher.publishRejected(info(v, 3, TestHeads.BACKBONE, false)));

      // then
      HeadLog log = HeadLog.read(broker.kafka(), topic, Signatures.NONE);
      assertThat(log.versions(TASK))
          .extracting(HeadInfo::version)
          .as("what has tensors, and the newest")
          .containsExactlyElementsOf(
              LongStream.concat(LongStream.of(2, 3, 5), LongStream.rangeClosed(6, last))
                  .boxed()
                  .toList());
      Map<String, byte[]> compacted = new HashMap<>();
      broker.records(topic).forEach(record -> compacted.put(record.key(), record.value()));
      assertThat(compacted)
          .containsEntry("head/intent/1/manifest", null)
          .containsEntry("head/intent/4/manifest", null);
      compacted.values().removeIf(Objects::isNull);
      HeadStore left = new HeadStore();
      for (Map.Entry<String, byte[]> record : compacted.entrySet()) {
        left.apply(record.getKey(), record.getValue());
      }
      assertThat(new HeadLog(left).nextVersion(TASK))
          .as("once tombstones are compacted away too")
          .isEqualTo(last + 1);
      assertThat(publisher.point(TASK, 2, false, "cli").version()).isEqualTo(2);
      assertThat(publisher.promote(head(last + 1), "trainer").version()).isEqualTo(last + 1);
    }
  }

  @Test
  void refusesAVersionThatIsNotNew() {
    try (HeadPublisher publisher = broker.publisher(topic, "trainer")) {
      publisher.promote(head(2), "trainer");
      assertThatThrownBy(() -> publisher.promote(head(2), "trainer"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("version 2 of intent is not new: version 2 is already published");
      assertThatThrownBy(() -> publisher.publishRejected(info(1)))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(publisher.read().versions(TASK)).containsExactly(info(2));
    }
  }

  @Test
  void publishesTheBundlesOwnHeadSoThatItCanBeRolledBackTo() {
    try (HeadPublisher publisher = broker.publisher(topic, "trainer")) {
      publisher.promote(head(0), "trainer");
      publisher.promote(head(1), "trainer");
      assertThat(publisher.point(TASK, 0, false, "trainer").epoch()).isEqualTo(3);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void leavesThePointerThatServesAsTheLastOneWhenTwoWritersRace(boolean pinned) {
    // given: a trainer that is overtaken between its reading and its writing
    Map<String, Object> racing = new HashMap<>(broker.kafka());
    racing.put("interceptor.classes", Overtaking.class.getName());
    try (HeadPublisher cli = broker.publisher(topic, "cli");
        HeadPublisher trainer =
            new HeadPublisher(racing, topic, "trainer", new HeadSettings(10, 300))) {
      cli.promote(head(1), "cli");
      Overtaking.once = () -> cli.point(TASK, 1, pinned, "cli");

      // when
      LivePointer pointer = trainer.promote(head(2), "trainer");

      // then
      assertThat(pointer.epoch()).as("epoch 2 was taken by the other writer").isEqualTo(3);
      assertThat(pointer.pinned()).isEqualTo(pinned);
      assertThat(pointer.version()).as("a pin holds").isEqualTo(pinned ? 1 : 2);
      List<ConsumerRecord<String, byte[]>> records = broker.records(topic);
      assertThat(records.get(records.size() - 1).value())
          .as("what compaction leaves is what serves")
          .isEqualTo(HeadCodec.json(pointer));
      assertThat(cli.read().live(TASK)).contains(pointer);
    }
  }

  @Test
  void readsOnPastRecordsThatAreNoHeads() throws Exception {
    broker.write(topic, "stray", new byte[] {1});
    broker.write(topic, "live/intent", new byte[] {1});
    try (HeadPublisher publisher = broker.publisher(topic, "trainer")) {
      assertThat(publisher.promote(head(1), "trainer").epoch()).isEqualTo(1);
    }
  }

  @Test
  void saysThatTheTopicIsMissing() {
    assertThatThrownBy(() -> HeadLog.read(broker.kafka(), HeadBroker.named(), Signatures.NONE))
        .isInstanceOf(UnknownTopicOrPartitionException.class)
        .hasMessageContaining("does not exist: create it");
  }

  /** Lets another writer act just before this one's first record is sent. */
  public static final class Overtaking
      implements ProducerInterceptor<String, byte[]>, ConsumerInterceptor<String, byte[]> {
    private static volatile Runnable once = () -> {};

    @Override
    public ProducerRecord<String, byte[]> onSend(ProducerRecord<String, byte[]> record) {
      Runnable action = once;
      once = () -> {};
      action.run();
      return record;
    }

    @Override
    public ConsumerRecords<String, byte[]> onConsume(ConsumerRecords<String, byte[]> records) {
      return records;
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

    @Override
    public void onAcknowledgement(RecordMetadata metadata, Exception exception) {}

    @Override
    public void close() {}

    @Override
    public void configure(Map<String, ?> configs) {}
  }
}
