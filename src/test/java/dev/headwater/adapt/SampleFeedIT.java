package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class SampleFeedIT extends TrainerDeployment {
  /** Fifty kilobytes each: twenty of them fill what one fetch brings of a partition. */
  private final Samples large = new Samples(bundle.task().name(), "backbone", 12_544);

  private int made;

  @Test
  void givesAllThatHasComeHoweverManyFetchesItTakes() throws Exception {
    try (SampleFeed feed = new SampleFeed(kafka(), topics.samples())) {
      assertThat(feed.history()).isEmpty();
      sendLarge(90);

      assertThat(feed.poll()).hasSize(90);
      assertThat(feed.lag()).isZero();
    }
  }

  @Test
  void isNotContentWithWhatWasFetchedBeforeAPause() throws Exception {
    try (SampleFeed feed = new SampleFeed(kafka(), topics.samples())) {
      feed.history();
      sendLarge(1);
      assertThat(feed.poll()).hasSize(1); // and a fetch waits at the broker for the next
      sendLarge(1);
      Duration training = Duration.ofMillis(300);
      await().pollDelay(training).until(() -> true);
      sendLarge(30);

      assertThat(feed.poll()).hasSize(31);
    }
  }

  private void sendLarge(int count) throws Exception {
    for (int i = 0; i < count; i++) {
      sendBytes(bytes(large, "large-" + made++, 0));
    }
  }
}
