package dev.headwater.stream.selection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class PaceTest {
  private static final int RATE = 100;

  private final AtomicLong clock = new AtomicLong(-7);
  private final Pace pace = new Pace(RATE, clock::get);

  /** A second of so many records. */
  private double second(int records) {
    double part = pace.part();
    for (int i = 0; i < records; i++) {
      part = pace.next();
      clock.addAndGet(TimeUnit.SECONDS.toNanos(1) / records);
    }
    clock.addAndGet(TimeUnit.SECONDS.toNanos(1) % records);
    return part;
  }

  @Property(tries = 100)
  void asksForNoMoreThanAtItsRate(@ForAll @IntRange(min = 1, max = 5000) int records) {
    PaceTest fresh = new PaceTest();
    assertThat(fresh.second(records)).as("nothing is known of the rate").isEqualTo(1);
    fresh.second(records);

    double part = fresh.second(records);

    assertThat(part * records)
        .isCloseTo(Math.min(records, RATE), within(.001 * Math.max(1, records)));
  }

  @Test
  void asksForAllAgainOnceThereIsLess() {
    second(1000);
    assertThat(second(1000)).isCloseTo(.1, within(.001));
    second(50);

    assertThat(second(50)).isEqualTo(1);
  }

  @Test
  void aSecondOfNothingIsNoRate() {
    second(1000);
    assertThat(second(1000)).isLessThan(.2);
    clock.addAndGet(TimeUnit.MINUTES.toNanos(10));

    assertThat(pace.next()).isEqualTo(1);
  }
}
