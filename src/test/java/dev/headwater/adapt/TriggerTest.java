package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

class TriggerTest {
  private final SetClock clock = new SetClock();
  private final Trigger trigger = new Trigger(AdaptSettings.of("id"), clock);

  @Test
  void enoughSamplesSetOffATraining() {
    sampled(9);
    assertThat(trigger.due(9, () -> true)).isEmpty();
    sampled(1);

    assertThat(trigger.due(10, () -> true)).contains("samples");
  }

  @Test
  void aLargeMemoryAsksForMoreOfThem() {
    sampled(29);
    assertThat(trigger.due(2000, () -> true)).isEmpty();
    sampled(1);

    assertThat(trigger.due(2000, () -> true)).contains("samples");
  }

  @Test
  void aMaskCountsForAsManyAsItBringsTiles() {
    trigger.sampled(8);
    assertThat(trigger.due(8, () -> true)).isEmpty();
    trigger.sampled(8);

    assertThat(trigger.due(16, () -> true)).contains("samples");
  }

  @Test
  void anIntervalSetsOffATrainingIfThereIsAnythingNew() {
    clock.now = clock.now.plus(Duration.ofMinutes(11));
    assertThat(trigger.due(100, () -> true)).as("nothing new").isEmpty();
    sampled(1);

    assertThat(trigger.due(100, () -> true)).contains("interval");
  }

  @Test
  void whicheverComesFirstBeginsAnew() {
    sampled(10);
    clock.now = clock.now.plus(Duration.ofMinutes(9));
    trigger.reset();
    clock.now = clock.now.plus(Duration.ofMinutes(9));
    sampled(1);

    assertThat(trigger.due(11, () -> true)).isEmpty();
  }

  @Test
  void needsOneSampleOnlyOnceSomethingHasDrifted() {
    trigger.drifted("drift-errors");
    assertThat(trigger.due(1_000, () -> true)).as("nothing to learn from yet").isEmpty();

    sampled(1);
    assertThat(trigger.due(1_000, () -> true)).contains("drift-errors");

    trigger.reset();
    sampled(1);
    assertThat(trigger.due(1_000, () -> true)).as("answered").isEmpty();
  }

  @Test
  void driftAndTimeDoNotWaitForAGateThatHasSeenAsMuch() {
    sampled(10);
    assertThat(trigger.due(10, () -> false)).isEmpty();

    clock.now = clock.now.plus(Duration.ofMinutes(11));
    assertThat(trigger.due(10, () -> false)).contains("interval");

    trigger.drifted("drift-errors");
    assertThat(trigger.due(10, () -> false)).contains("drift-errors");
  }

  private void sampled(int times) {
    for (int i = 0; i < times; i++) {
      trigger.sampled(1);
    }
  }

  private static final class SetClock extends Clock {
    private Instant now = Instant.parse("2026-01-01T00:00:00Z");

    @Override
    public ZoneId getZone() {
      return ZoneOffset.UTC;
    }

    @Override
    public Clock withZone(ZoneId zone) {
      return this;
    }

    @Override
    public Instant instant() {
      return now;
    }
  }
}
