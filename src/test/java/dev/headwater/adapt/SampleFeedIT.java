package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

class SampleFeedIT extends TrainerDeployment {
  /** Fifty kilobytes each: twenty of them fill what one fetch brings of a partition. */
  private final Samples large = new Samples(bundle.task().name(), "backbone", 12_544);

  private int made;

  @Test
  void givesAllThatHasComeHoweverManyFetchesItTakes() throws Exception {
    try (SampleFeed feed = new SampleFeed(kafka(), topics.samples())) {
      feed.history(none -> fail("nothing was sent"));
      sendLarge(90);

      assertThat(feed.poll()).hasSize(90);
      assertThat(feed.lag()).isZero();
    }
  }

  @Test
  void isNotContentWithWhatWasFetchedBeforeAPause() throws Exception {
    try (SampleFeed feed = new SampleFeed(kafka(), topics.samples())) {
      feed.history(none -> {});
      sendLarge(1);
      assertThat(feed.poll()).hasSize(1); // and a fetch waits at the broker for the next
      sendLarge(1);
      Duration training = Duration.ofMillis(300);
      await().pollDelay(training).until(() -> true);
      sendLarge(30);

      assertThat(feed.poll()).hasSize(31);
    }
  }

  @Test
  void theHistoryOfAllPartitionsComesInOrderOfTime() throws Exception {
    Samples few = new Samples(bundle.task().name(), "backbone", 4);
    String topic = topics.samples().name();
    List<String> sent = new ArrayList<>();
    try (Admin admin = Admin.create(kafka());
        KafkaProducer<String, byte[]> producer =
            new KafkaProducer<>(kafka(), new StringSerializer(), new ByteArraySerializer())) {
      admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get();
      await().until(() -> producer.partitionsFor(topic).size() == 3);
      Random random = new Random(5);
      for (int i = 0; i < 2_000; i++) {
        // one is nearly all of it, one has nothing, and what is no sample is between
        int partition = random.nextInt(20) == 0 ? 2 : 0;
        byte[] value = i % 400 == 7 ? new byte[] {1} : bytes(few, "r" + i, 0);
        producer.send(new ProducerRecord<>(topic, partition, "k", value)).get();
        if (i % 400 != 7) {
          sent.add("r" + i);
        }
      }
    }
    try (SampleFeed feed = new SampleFeed(kafka(), topics.samples())) {
      List<SampleFeed.Arrival> history = new ArrayList<>();
      feed.history(history::add);

      assertThat(history).isSortedAccordingTo(Comparator.comparingLong(SampleFeed.Arrival::at));
      assertThat(history)
          .extracting(SampleFeed.Arrival::recordId)
          .containsExactlyInAnyOrderElementsOf(sent);
      sendLarge(3);
      List<SampleFeed.Arrival> later = new ArrayList<>();
      await().until(() -> later.addAll(feed.poll()) && later.size() >= 3);
      assertThat(later).as("it goes on from there").hasSize(3);
    }
  }

  @Test
  void aTopicThatIsMadeAnewEndsIt() throws Exception {
    try (SampleFeed feed = new SampleFeed(kafka(), topics.samples())) {
      send(5);
      assertThat(feed.history(arrival -> {})).containsEntry(0, 5L);
      makeSamplesAnew();
      send(1);

      assertThatThrownBy(() -> await().atMost(PATIENCE).until(() -> feed.poll().isEmpty() && false))
          .isInstanceOf(KafkaException.class)
          .hasMessageContaining("was recreated");
    }
  }

  private void sendLarge(int count) throws Exception {
    for (int i = 0; i < count; i++) {
      sendBytes(bytes(large, "large-" + made++, 0));
    }
  }
}
