package dev.headwater.stream.selection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class PaceTest {
  private static final int RATE = 1000;

  private final AtomicLong clock = new AtomicLong(-7);
  private final Pace pace = new Pace(RATE, clock::get);
  private final Random random = new Random(1);
  private int tasks = 1;

  /**
   * @return how many of so many records, evenly over so long, are taken
   */
  private int taken(int records, double seconds) {
    int taken = 0;
    for (int i = 0; i < records; i++) {
      clock.addAndGet((long) (seconds * TimeUnit.SECONDS.toNanos(1) / records));
      taken += pace.takes(tasks, random.nextInt() & 0xFFFFFFFFL) ? 1 : 0;
    }
    return taken;
  }

  @Property(tries = 100)
  void takesAllUpToItsRateAndAsManyBeyondIt(@ForAll @IntRange(min = 1, max = 100_000) int records) {
    PaceTest fresh = new PaceTest();
    int all = fresh.taken(3 * records, 3);
    int most = Math.min(3 * records, 4 * RATE);

    assertThat(all).isLessThanOrEqualTo(most + 300);
    if (records <= RATE) {
      assertThat(all).isEqualTo(3 * records);
    } else {
      assertThat(all).isGreaterThan(2 * RATE);
    }
  }

  @Test
  void countsARecordOnceForEachTask() {
    tasks = 4;

    assertThat(taken(RATE, 4)).as("as many as four tasks may be asked about").isEqualTo(RATE);
    assertThat(taken(100_000, 1)).isLessThan(RATE / 2 + 100);
    assertThat(taken(100_000, 1)).isBetween(RATE / 4 - 60, RATE / 4 + 60);
  }

  @Test
  void aJumpFromNothingTakesNoMoreThanASecondsWorthAtOnce() {
    assertThat(taken(100_000, 1)).isLessThan(2 * RATE + 200);
  }

  @Test
  void burstsTakeNoMoreThanTheRateOverAllButForTheFirstOfEach() {
    int taken = 0;
    for (int burst = 0; burst < 20; burst++) {
      taken += taken(100_000, 1);
      clock.addAndGet(TimeUnit.SECONDS.toNanos(4));
    }

    assertThat(taken).as("a second and a second's worth of each five").isLessThan(20 * 2200);
  }

  @Test
  void takesAllAgainOnceThereIsLess() {
    taken(100_000, 2);
    taken(500, 2);

    assertThat(taken(500, 1)).isEqualTo(500);
  }

  @Test
  void takesAllOfFewThatComeTwoAtATime() {
    int taken = 0;
    for (int i = 0; i < RATE; i++) {
      taken += taken(1, 4.0 / RATE) + taken(1, 0);
    }

    assertThat(taken).as("half the rate, for four seconds").isEqualTo(2 * RATE);
  }

  @Test
  void isIndependentOfOtherDrawsByTheSameHash() {
    taken(100_000, 2);
    int audits = 0;
    int taken = 0;
    for (int i = 0; i < 1_000_000; i++) {
      clock.addAndGet(TimeUnit.SECONDS.toNanos(1) / 50_000);
      long hash = random.nextInt() & 0xFFFFFFFFL;
      boolean takes = pace.takes(1, hash);
      taken += takes ? 1 : 0;
      audits += takes && Selection.draws(hash, .03) ? 1 : 0;
    }

    assertThat(taken).as("twenty seconds").isCloseTo(20_000, within(1000));
    assertThat(audits / (double) taken).isCloseTo(.03, within(.004));
  }
}
