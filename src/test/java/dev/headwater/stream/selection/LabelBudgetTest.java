package dev.headwater.stream.selection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import java.util.function.IntToDoubleFunction;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class LabelBudgetTest {
  private static final int WINDOW = 200;
  private static final int BURST = 50;
  private static final int RECORDS = 5_000;
  private static final double THRESHOLD = 0.9;
  private static final double NO_REQUEST = Double.POSITIVE_INFINITY;

  @Property(tries = 200)
  void requestsStayWithinTheShareAndTheBurstInAnyWindow(
      @ForAll @DoubleRange(min = 0.06, max = 1) double share,
      @ForAll @IntRange(min = 1, max = 100) int burst,
      @ForAll @DoubleRange(max = 0.05) double audit,
      @ForAll long seed) {
    LabelBudget budget = new LabelBudget(new Selection.Budget(share, burst, 20), audit, THRESHOLD);
    Random random = new Random(seed);
    int n = 300;
    int[] requestsBefore = new int[n + 1];
    for (int i = 0; i < n; i++) {
      boolean audited = random.nextDouble() < audit;
      double confidence = random.nextDouble() * (i / 50 % 2 == 0 ? 1 : 0.1);
      boolean granted = grants(budget, random.nextInt(4) > 0 ? confidence : NO_REQUEST, audited);
      requestsBefore[i + 1] = requestsBefore[i] + (granted || audited ? 1 : 0);
      for (int from = 0; granted && from <= i; from++) {
        assertThat(requestsBefore[i + 1] - requestsBefore[from])
            .as("records %d to %d", from, i)
            .isLessThanOrEqualTo((int) Math.floor(share * (i + 1 - from) + burst + 1e-6));
      }
    }
  }

  @Test
  void requestsAboutTheShareOnASteadyStream() {
    Random random = new Random(1);
    boolean[] requested = run(0.1, 0, i -> random.nextDouble());

    assertThat(share(requested, 1_000, RECORDS)).isCloseTo(0.1, within(0.01));
  }

  @Test
  void requestsOnlyTheLeastCertainWithALowReserve() {
    Random random = new Random(2);
    double[] confidence = random.doubles(RECORDS).toArray();
    boolean[] requested = run(0.1, 0, i -> confidence[i]);

    for (int i = 1_000; i < RECORDS; i++) {
      if (requested[i]) {
        assertThat(confidence[i]).as("record %d", i).isLessThan(0.5);
      }
    }
  }

  @Test
  void countsAuditSamplesTowardsTheShare() {
    Random random = new Random(4);
    boolean[] requested = run(0.2, 0.05, i -> random.nextDouble());

    assertThat(share(requested, 1_000, RECORDS)).isCloseTo(0.2, within(0.01));
  }

  @Test
  void startsWithAFullReserve() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.1, BURST, WINDOW), 0, THRESHOLD);

    assertThat(grantedOf(budget, BURST))
        .as("all but the part for the least certain")
        .isCloseTo(BURST, within(BURST / 4));
  }

  @Test
  void refillsTheReserveWithUnusedRequests() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.1, BURST, WINDOW), 0, THRESHOLD);
    grantedOf(budget, 10 * BURST);
    for (int i = 0; i < 10 * BURST; i++) {
      assertThat(grants(budget, NO_REQUEST, false)).isFalse();
    }

    assertThat(grantedOf(budget, BURST)).as("refilled").isGreaterThan(BURST * 3 / 4);
  }

  @Test
  void spendsAFullReserveOnTheLeastCertainAboveTheThreshold() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.1, BURST, WINDOW), 0, THRESHOLD);
    Random random = new Random(10);
    int requested = 0;
    for (int i = 0; i < RECORDS; i++) {
      double confidence = THRESHOLD + random.nextDouble() / 10;
      boolean granted = grants(budget, confidence, false);
      requested += granted ? 1 : 0;
      assertThat(granted && i > WINDOW && confidence > THRESHOLD + 0.03)
          .as("record %d", i)
          .isFalse();
    }

    assertThat(requested / (double) RECORDS).isBetween(0.05, 0.1);
    assertThat(grantedOf(budget, BURST))
        .as("the reserve is still high")
        .isGreaterThan(BURST * 3 / 4);
  }

  @Test
  void spendsSomeOfAFullReserveOnABurstOfLowerConfidence() {
    LabelBudget budget =
        new LabelBudget(new Selection.Budget(0.1, 4 * BURST, WINDOW), 0, THRESHOLD);
    Random random = new Random(11);
    for (int i = 0; i < 4 * WINDOW; i++) {
      grants(budget, 0.99 + random.nextDouble() / 100, false);
    }
    int granted = 0;
    for (int i = 0; i < 10; i++) {
      granted += grants(budget, 0.95 + i * 1e-9, false) ? 1 : 0;
    }

    assertThat(granted).as("of ten, all above the threshold").isGreaterThan(5);
  }

  @Test
  void spendsNothingOnATaskThatRequestsNoLabels() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.1, BURST, WINDOW), 0, THRESHOLD);
    for (int i = 0; i < RECORDS; i++) {
      assertThat(grants(budget, NO_REQUEST, false)).isFalse();
    }
  }

  @Test
  void auditSamplesMayOverdrawTheReserve() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.5, 1, WINDOW), 0.1, THRESHOLD);
    for (int i = 0; i < 5; i++) {
      grants(budget, NO_REQUEST, true);
    }

    assertThat(grantedOf(budget, 4)).as("overdrawn by 1.5").isZero();
  }

  /** Returns how many of the next records, all with about the same confidence, are granted. */
  private static int grantedOf(LabelBudget budget, int records) {
    int granted = 0;
    for (int i = 0; i < records; i++) {
      granted += grants(budget, 0.1 + i * 1e-9, false) ? 1 : 0;
    }
    return granted;
  }

  private static boolean grants(LabelBudget budget, double confidence, boolean audit) {
    double[] confidences = {confidence};
    boolean granted = budget.affords(confidences);
    budget.took(confidences, granted, audit);
    return granted;
  }

  private static boolean[] run(double share, double audit, IntToDoubleFunction confidence) {
    LabelBudget budget = new LabelBudget(new Selection.Budget(share, BURST, WINDOW), audit, 1);
    Random auditRandom = new Random(6);
    boolean[] requested = new boolean[RECORDS];
    for (int i = 0; i < RECORDS; i++) {
      boolean audited = auditRandom.nextDouble() < audit;
      requested[i] = grants(budget, confidence.applyAsDouble(i), audited) || audited;
    }
    return requested;
  }

  private static double share(boolean[] requested, int from, int to) {
    int count = 0;
    for (int i = from; i < to; i++) {
      count += requested[i] ? 1 : 0;
    }
    return count / (double) (to - from);
  }
}
