package dev.headwater.stream.labels;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.TimestampedKeyValueStore;
import org.apache.kafka.streams.state.ValueAndTimestamp;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Sweeps a store of expired entries, with a clock that advances on each reading. */
class ExpiryTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private TimestampedKeyValueStore<String, String> store;
  private Duration clockStep = Duration.ZERO;
  private long nanoTime;
  private int expired;

  @BeforeEach
  void open() {
    store =
        Stores.timestampedKeyValueStoreBuilder(
                Stores.inMemoryKeyValueStore("store"), Serdes.String(), Serdes.String())
            .withLoggingDisabled()
            .build();
    store.init(new MockProcessorContext<>().getStateStoreContext(), store);
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void oneSweepCoversALargeStoreIfTheWaitIsShort() {
    fill(10 * Expiry.SLICE);

    sweep(expiry(MINUTE), MINUTE);

    assertThat(expired).isEqualTo(10 * Expiry.SLICE);
    assertThat(store.approximateNumEntries()).isZero();
  }

  @Test
  void limitsASweepToOneSlice() {
    Duration wait = Duration.ofHours(1);
    fill(3 * Expiry.SLICE);
    Expiry<String> expiry = expiry(wait);

    sweep(expiry, wait);
    assertThat(expired).isEqualTo(Expiry.SLICE);
    sweep(expiry, wait);
    sweep(expiry, wait);
    assertThat(expired).isEqualTo(3 * Expiry.SLICE);
  }

  @Test
  void stopsAtItsTimeLimitAndContinuesThere() {
    clockStep = Duration.ofMillis(10);
    fill(12);
    Expiry<String> expiry = expiry(MINUTE);

    sweep(expiry, MINUTE);
    assertThat(expired).isEqualTo(5);
    assertThat(store.get("00000004")).isNull();
    store.put("00000000", ValueAndTimestamp.make("new", 0));
    sweep(expiry, MINUTE);
    sweep(expiry, MINUTE);

    assertThat(expired).isEqualTo(12);
    assertThat(store.get("00000000")).as("before the position of the sweep").isNotNull();
    sweep(expiry, MINUTE);
    assertThat(store.get("00000000")).as("starts over").isNull();
  }

  @Test
  void scansAtLeastOneEntry() {
    clockStep = MINUTE;
    fill(3);
    Expiry<String> expiry = expiry(MINUTE);

    for (int sweep = 1; sweep <= 3; sweep++) {
      nanoTime += Duration.ofDays(1).toNanos();
      sweep(expiry, MINUTE);
      assertThat(expired).isEqualTo(sweep);
    }
  }

  @Test
  void pausesForAHundredTimesTheDurationOfASlowSweep() {
    clockStep = Duration.ofMillis(100);
    fill(2);
    Expiry<String> expiry = expiry(MINUTE);
    nanoTime = MINUTE.toNanos();
    sweep(expiry, MINUTE);
    assertThat(expired).isEqualTo(1);

    nanoTime += Duration.ofSeconds(15).toNanos();
    sweep(expiry, MINUTE);
    assertThat(expired).as("pauses after a sweep of at least 200 ms").isEqualTo(1);

    nanoTime += MINUTE.toNanos();
    sweep(expiry, MINUTE);
    assertThat(expired).isEqualTo(2);
  }

  @Test
  void keepsEntriesWithinTheWait() {
    fill(1);

    expiry(MINUTE).sweep(MINUTE.toMillis() - 1);

    assertThat(expired).isZero();
    assertThat(store.get("00000000")).isNotNull();
  }

  private static void sweep(Expiry<String> expiry, Duration wait) {
    expiry.sweep(wait.toMillis());
  }

  private Expiry<String> expiry(Duration wait) {
    return new Expiry<>(store, wait, value -> expired++, () -> nanoTime += clockStep.toNanos());
  }

  private void fill(int entries) {
    for (int i = 0; i < entries; i++) {
      store.put("%08d".formatted(i), ValueAndTimestamp.make("value", 0));
    }
  }
}
