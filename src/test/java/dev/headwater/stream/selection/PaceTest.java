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
  private final Pace limiter = new Pace(RATE, clock::get);
  private final Random random = new Random(1);
  private int tasks = 1;

  /** Sends records at a constant rate, and returns how many are considered. */
  private int considered(int records, double seconds) {
    int considered = 0;
    for (int i = 0; i < records; i++) {
      clock.addAndGet((long) (seconds * TimeUnit.SECONDS.toNanos(1) / records));
      considered += limiter.takes(tasks, random.nextInt() & 0xFFFFFFFFL) ? 1 : 0;
    }
    return considered;
  }

  @Property(tries = 100)
  void considersAllRecordsUpToTheRateAndThatManyAboveIt(
      @ForAll @IntRange(min = 1, max = 100_000) int records) {
    PaceTest fresh = new PaceTest();
    int all = fresh.considered(3 * records, 3);
    int max = Math.min(3 * records, 4 * RATE);

    assertThat(all).isLessThanOrEqualTo(max + 300);
    if (records <= RATE) {
      assertThat(all).isEqualTo(3 * records);
    } else {
      assertThat(all).isGreaterThan(2 * RATE);
    }
  }

  @Test
  void countsARecordOnceForEachTask() {
    tasks = 4;

    assertThat(considered(RATE, 4)).as("the rate is split over four tasks").isEqualTo(RATE);
    assertThat(considered(100_000, 1)).isLessThan(RATE / 2 + 100);
    assertThat(considered(100_000, 1)).isBetween(RATE / 4 - 60, RATE / 4 + 60);
  }

  @Test
  void aBurstAfterIdleTimeExceedsTheRateByAtMostOneSecond() {
    assertThat(considered(100_000, 1)).isLessThan(2 * RATE + 200);
  }

  @Test
  void eachBurstExceedsTheRateByAtMostOneSecond() {
    int considered = 0;
    for (int burst = 0; burst < 20; burst++) {
      considered += considered(100_000, 1);
      clock.addAndGet(TimeUnit.SECONDS.toNanos(4));
    }

    assertThat(considered).as("two seconds' worth in each burst").isLessThan(20 * 2200);
  }

  @Test
  void considersAllRecordsAgainAfterTheRateDrops() {
    considered(100_000, 2);
    considered(500, 2);

    assertThat(considered(500, 1)).isEqualTo(500);
  }

  @Test
  void considersAllRecordsOfASlowStreamOfPairs() {
    int considered = 0;
    for (int i = 0; i < RATE; i++) {
      considered += considered(1, 4.0 / RATE) + considered(1, 0);
    }

    assertThat(considered).as("half the rate, for four seconds").isEqualTo(2 * RATE);
  }

  @Test
  void isIndependentOfAuditSamplesByTheSameHash() {
    considered(100_000, 2);
    int audits = 0;
    int total = 0;
    for (int i = 0; i < 1_000_000; i++) {
      clock.addAndGet(TimeUnit.SECONDS.toNanos(1) / 50_000);
      long hash = random.nextInt() & 0xFFFFFFFFL;
      boolean considered = limiter.takes(1, hash);
      total += considered ? 1 : 0;
      audits += considered && Selection.selects(hash, .03) ? 1 : 0;
    }

    assertThat(total).as("twenty seconds").isCloseTo(20_000, within(1000));
    assertThat(audits / (double) total).isCloseTo(.03, within(.004));
  }
}
