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
  private static final double BAR = 0.9;
  private static final double SURE = Double.POSITIVE_INFINITY;

  @Property(tries = 200)
  void noStretchOfRecordsAsksForMoreThanItsShareAndTheBurst(
      @ForAll @DoubleRange(min = 0.06, max = 1) double share,
      @ForAll @IntRange(min = 1, max = 100) int burst,
      @ForAll @DoubleRange(max = 0.05) double audit,
      @ForAll long seed) {
    LabelBudget budget = new LabelBudget(new Selection.Budget(share, burst, 20), audit, BAR);
    Random random = new Random(seed);
    int n = 300;
    int[] askedBefore = new int[n + 1];
    for (int i = 0; i < n; i++) {
      boolean audited = random.nextDouble() < audit;
      double certainty = random.nextDouble() * (i / 50 % 2 == 0 ? 1 : 0.1);
      boolean unsure = grants(budget, random.nextInt(4) > 0 ? certainty : SURE, audited);
      askedBefore[i + 1] = askedBefore[i] + (unsure || audited ? 1 : 0);
      for (int from = 0; unsure && from <= i; from++) {
        assertThat(askedBefore[i + 1] - askedBefore[from])
            .as("records %d to %d", from, i)
            .isLessThanOrEqualTo((int) Math.floor(share * (i + 1 - from) + burst + 1e-6));
      }
    }
  }

  @Test
  void asksForAboutItsShareOnASteadyStream() {
    Random random = new Random(1);
    boolean[] asked = run(0.1, 0, i -> random.nextDouble());

    assertThat(share(asked, 1_000, RECORDS)).isCloseTo(0.1, within(0.01));
  }

  @Test
  void asksForTheLeastCertainOnceLittleIsSaved() {
    Random random = new Random(2);
    double[] certainty = random.doubles(RECORDS).toArray();
    boolean[] asked = run(0.1, 0, i -> certainty[i]);

    for (int i = 1_000; i < RECORDS; i++) {
      if (asked[i]) {
        assertThat(certainty[i]).as("record %d", i).isLessThan(0.5);
      }
    }
  }

  @Test
  void countsTheAuditIntoItsShare() {
    Random random = new Random(4);
    boolean[] asked = run(0.2, 0.05, i -> random.nextDouble());

    assertThat(share(asked, 1_000, RECORDS)).isCloseTo(0.2, within(0.01));
  }

  @Test
  void isThereInFullForTheFirstOnset() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.1, BURST, WINDOW), 0, BAR);

    assertThat(grantedOf(budget, BURST))
        .as("all but those kept for the least certain")
        .isCloseTo(BURST, within(BURST / 4));
  }

  @Test
  void savesForTheNextOnsetWhatIsNotAskedFor() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.1, BURST, WINDOW), 0, BAR);
    grantedOf(budget, 10 * BURST);
    for (int i = 0; i < 10 * BURST; i++) {
      assertThat(grants(budget, SURE, false)).isFalse();
    }

    assertThat(grantedOf(budget, BURST)).as("saved again").isGreaterThan(BURST * 3 / 4);
  }

  @Test
  void spendsTheLastOfWhatCanBeSavedOnTheLeastCertainOfWhatIsSure() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.1, BURST, WINDOW), 0, BAR);
    Random random = new Random(10);
    int asked = 0;
    for (int i = 0; i < RECORDS; i++) {
      double certainty = BAR + random.nextDouble() / 10;
      boolean granted = grants(budget, certainty, false);
      asked += granted ? 1 : 0;
      assertThat(granted && i > WINDOW && certainty > BAR + 0.03).as("record %d", i).isFalse();
    }

    assertThat(asked / (double) RECORDS).isBetween(0.05, 0.1);
    assertThat(grantedOf(budget, BURST)).as("still saved").isGreaterThan(BURST * 3 / 4);
  }

  @Test
  void spendsSomeOfWhatIsSavedOnSeveralInARowThatAreLessSureThanUsual() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.1, 4 * BURST, WINDOW), 0, BAR);
    Random random = new Random(11);
    for (int i = 0; i < 4 * WINDOW; i++) {
      grants(budget, 0.99 + random.nextDouble() / 100, false);
    }
    int granted = 0;
    for (int i = 0; i < 10; i++) {
      granted += grants(budget, 0.95 + i * 1e-9, false) ? 1 : 0;
    }

    assertThat(granted).as("of ten, all beyond the threshold").isGreaterThan(5);
  }

  @Test
  void spendsNothingOnATaskThatAsksForNothing() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.1, BURST, WINDOW), 0, BAR);
    for (int i = 0; i < RECORDS; i++) {
      assertThat(grants(budget, SURE, false)).isFalse();
    }
  }

  @Test
  void paysBackWhatTheAuditTakes() {
    LabelBudget budget = new LabelBudget(new Selection.Budget(0.5, 1, WINDOW), 0.1, BAR);
    for (int i = 0; i < 5; i++) {
      grants(budget, SURE, true);
    }

    assertThat(grantedOf(budget, 4)).as("in debt by one and a half").isZero();
  }

  /** How many of the next records, all equally in doubt, may ask. */
  private static int grantedOf(LabelBudget budget, int records) {
    int granted = 0;
    for (int i = 0; i < records; i++) {
      granted += grants(budget, 0.1 + i * 1e-9, false) ? 1 : 0;
    }
    return granted;
  }

  private static boolean grants(LabelBudget budget, double certainty, boolean audit) {
    double[] certainties = {certainty};
    boolean granted = budget.affords(certainties);
    budget.took(certainties, granted, audit);
    return granted;
  }

  private static boolean[] run(double share, double audit, IntToDoubleFunction certainty) {
    LabelBudget budget = new LabelBudget(new Selection.Budget(share, BURST, WINDOW), audit, 1);
    Random draws = new Random(6);
    boolean[] asked = new boolean[RECORDS];
    for (int i = 0; i < RECORDS; i++) {
      boolean audited = draws.nextDouble() < audit;
      asked[i] = grants(budget, certainty.applyAsDouble(i), audited) || audited;
    }
    return asked;
  }

  private static double share(boolean[] asked, int from, int to) {
    int count = 0;
    for (int i = from; i < to; i++) {
      count += asked[i] ? 1 : 0;
    }
    return count / (double) (to - from);
  }
}
