package dev.headwater.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

class LabelBudgetTest {
  private static final int WINDOW = 200;
  private static final int RECORDS = 5_000;

  @Test
  void asksForAboutItsShareOnASteadyStream() {
    Random random = new Random(1);
    boolean[] asked = run(0.1, 0, i -> random.nextDouble());

    assertThat(share(asked, WINDOW, RECORDS)).isCloseTo(0.1, within(0.02));
  }

  @Test
  void asksForTheLeastConfident() {
    Random random = new Random(2);
    double[] confidence = random.doubles(RECORDS).toArray();
    boolean[] asked = run(0.1, 0, i -> confidence[i]);

    for (int i = WINDOW; i < RECORDS; i++) {
      if (asked[i]) {
        assertThat(confidence[i]).as("record %d", i).isLessThan(0.25);
      }
    }
  }

  @Test
  void neverExceedsItsShareOfAnyWindowWhileConfidenceFalls() {
    assertWithinBudget(run(0.1, 0, i -> 1 - i / (double) RECORDS), 0.1);
  }

  @Test
  void neverExceedsItsShareOfAnyWindowWhenConfidenceCollapses() {
    Random random = new Random(3);
    assertWithinBudget(
        run(0.1, 0, i -> i < 2_000 ? 0.9 + random.nextDouble() / 10 : 0.1 * random.nextDouble()),
        0.1);
  }

  @Test
  void countsTheAuditIntoItsShare() {
    Random random = new Random(4);
    boolean[] asked = run(0.2, 0.05, i -> random.nextDouble());

    assertThat(share(asked, WINDOW, RECORDS)).isCloseTo(0.2, within(0.02));
  }

  @Test
  void whatIsNotAskedForIsThereForWorseTimes() {
    LabelBudget budget = new LabelBudget(0.1, 0, WINDOW);
    Random random = new Random(8);
    for (int i = 0; i < WINDOW; i++) {
      assertThat(budget.grants(0.9 + random.nextDouble() / 10, false, false)).isFalse();
    }

    for (int i = 0; i < WINDOW / 10; i++) {
      assertThat(budget.grants(0.5, true, false)).as("record %d of the collapse", i).isTrue();
    }
    assertThat(budget.grants(0.5, true, false)).as("the window's share is used up").isFalse();
  }

  @Test
  void doesNotAskWhereAllAreEquallyConfident() {
    boolean[] asked = run(0.1, 0, i -> 1.0);

    assertThat(share(asked, 0, RECORDS)).as("no record is less sure than the others").isZero();
  }

  @Test
  void recoversOnceConfidenceReturns() {
    Random random = new Random(5);
    boolean[] asked =
        run(0.1, 0, i -> i > 1_000 && i < 2_000 ? 0.1 : 0.5 + random.nextDouble() / 2);

    assertThat(share(asked, 3_000, RECORDS)).isCloseTo(0.1, within(0.02));
  }

  private static boolean[] run(double share, double audit, IntToDoubleFunction confidence) {
    LabelBudget budget = new LabelBudget(share, audit, WINDOW);
    Random draws = new Random(6);
    boolean[] asked = new boolean[RECORDS];
    for (int i = 0; i < RECORDS; i++) {
      boolean audited = draws.nextDouble() < audit;
      asked[i] = budget.grants(confidence.applyAsDouble(i), true, audited) || audited;
    }
    return asked;
  }

  private static void assertWithinBudget(boolean[] asked, double share) {
    for (int end = WINDOW; end <= RECORDS; end++) {
      assertThat(share(asked, end - WINDOW, end))
          .as("records %d to %d", end - WINDOW, end)
          .isLessThanOrEqualTo(share);
    }
  }

  private static double share(boolean[] asked, int from, int to) {
    int count = 0;
    for (int i = from; i < to; i++) {
      count += asked[i] ? 1 : 0;
    }
    return count / (double) (to - from);
  }
}
