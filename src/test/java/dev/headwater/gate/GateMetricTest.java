package dev.headwater.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.schema.Verdict;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Heads planted on streams of many {@code ok} and few {@code fraud}. */
class GateMetricTest {
  private static final Set<String> KNOWN = Set.of("ok", "fraud");
  private static final Map<String, Double> COSTS = Map.of("fraud>ok", 50.0);

  @Test
  void byCostAFewFraudsFoundPayForManyFalseAlarms() {
    List<Trial> trials = trials(290, "ok", "ok", "ok");
    trials.addAll(trials(10, "ok", "ok", "fraud"));
    trials.addAll(trials(8, "fraud", "ok", "ok"));
    trials.addAll(trials(4, "fraud", "ok", "fraud"));

    assertThat(judge(Metric.ACCURACY, trials).accepted()).isFalse();
    Verdict verdict = judge(Metric.COST, trials);

    assertThat(verdict.accepted()).as(verdict.reason()).isTrue();
    assertThat(verdict.reason())
        .isEqualTo(
            "significant gain (cost -60.9 per 100 records, p = 0.05, heads differ on 14 of 312"
                + " samples)");
  }

  @Test
  void byCostManyFalseAlarmsSparedDoNotPayForFraudsMissed() {
    List<Trial> trials = trials(290, "ok", "ok", "ok");
    trials.addAll(trials(12, "ok", "fraud", "ok"));
    trials.addAll(trials(4, "fraud", "fraud", "ok"));

    assertThat(judge(Metric.ACCURACY, trials).accepted()).isTrue();
    assertRefused(
        judge(Metric.COST, trials), "worse on labels of the live head (cost +61.4 per 100 records");
  }

  @Test
  void oneDearErrorIsNoProof() {
    List<Trial> trials = trials(290, "ok", "ok", "ok");
    trials.addAll(trials(1, "fraud", "ok", "fraud"));

    assertRefused(judge(Metric.COST, trials), "no significant gain");
  }

  @Test
  void byCostTheConstantAnswerToBeatIsTheCheapest() {
    List<Trial> trials = trials(300, "ok", null, "ok");
    trials.addAll(trials(12, "fraud", null, "ok"));

    Verdict verdict =
        gate(Metric.COST).judge(new Judged(trials, Set.of(), Set.of("ok", "fraud"), true));

    assertThat(verdict.numbers().get("liveAccuracy")).as("of crying fraud").isLessThan(.05);
    assertRefused(verdict, "no significant gain (cost +96.2 per 100 records");
  }

  @Test
  void byMacroF1ARareLabelFoundPaysForFalseAlarms() {
    List<Trial> trials = trials(286, "ok", "ok", "ok");
    trials.addAll(trials(14, "ok", "ok", "fraud"));
    trials.addAll(trials(18, "fraud", "ok", "ok"));
    trials.addAll(trials(12, "fraud", "ok", "fraud"));

    assertThat(judge(Metric.ACCURACY, trials).accepted()).isFalse();
    Verdict verdict = judge(Metric.MACRO_F1, trials);

    assertThat(verdict.accepted()).as(verdict.reason()).isTrue();
    assertThat(verdict.reason())
        .isEqualTo(
            "significant gain (macro-F1 +21.2 pt, p < 0.01, heads differ on 26 of 330 samples)");
  }

  @Test
  void byMacroF1ARareLabelGivenUpIsNotPaidForByTheFrequentOne() {
    List<Trial> trials = trials(275, "ok", "ok", "ok");
    trials.addAll(trials(20, "ok", "fraud", "ok"));
    trials.addAll(trials(5, "ok", "fraud", "fraud"));
    trials.addAll(trials(4, "fraud", "fraud", "fraud"));
    trials.addAll(trials(6, "fraud", "fraud", "ok"));
    trials.addAll(trials(5, "fraud", "ok", "ok"));

    assertThat(judge(Metric.ACCURACY, trials).accepted()).isTrue();
    assertRefused(judge(Metric.MACRO_F1, trials), "macro-F1");
  }

  @Test
  void noLabelMayFallBelowItsFloor() {
    List<Trial> trials = trials(270, "ok", "ok", "ok");
    trials.addAll(trials(30, "ok", "fraud", "ok"));
    trials.addAll(trials(23, "fraud", "fraud", "fraud"));
    trials.addAll(trials(4, "fraud", "fraud", "ok"));
    trials.addAll(trials(3, "fraud", "ok", "ok"));

    assertThat(floored(0, trials).accepted()).isTrue();
    assertThat(floored(.75, trials).accepted()).isTrue();
    assertRefused(
        floored(.8, trials),
        "recall of label fraud below its floor (76.7 %, floor 80.0 %, n = 30)");
    assertThat(floored(.8, trials).numbers()).containsKey("recall.fraud");
  }

  @Test
  void aHeadThatRaisesALabelTowardsItsFloorIsWelcome() {
    List<Trial> trials = trials(270, "ok", "ok", "ok");
    trials.addAll(trials(12, "fraud", "ok", "fraud"));
    trials.addAll(trials(18, "fraud", "ok", "ok"));

    assertThat(floored(.8, trials).accepted()).isTrue();
  }

  @Test
  void aFloorIsNotHeldAgainstAHeadOnTooFewSamples() {
    List<Trial> trials = trials(270, "ok", "ok", "ok");
    trials.addAll(trials(30, "ok", "fraud", "ok"));
    trials.addAll(trials(14, "fraud", "fraud", "fraud"));
    trials.addAll(trials(5, "fraud", "fraud", "ok"));

    assertThat(floored(.9, trials).accepted()).isTrue();
  }

  /** Whatever is weighed, heads that are alike pass no more often than stated, over all sizes. */
  @ParameterizedTest
  @EnumSource(Metric.class)
  void letsNoiseThroughAtTheStatedRate(Metric metric) {
    int accepted = 0;
    int seeds = 400;
    Random random = new Random(5);
    for (int seed = 0; seed < seeds; seed++) {
      List<Trial> trials = trials(60, "ok", "ok", "ok");
      for (int i = random.nextInt(60); i > 0; i--) {
        boolean wins = random.nextBoolean();
        String truth = random.nextInt(4) == 0 ? "fraud" : "ok";
        String wrong = truth.equals("ok") ? "fraud" : "ok";
        trials.add(new Trial(truth, wins ? wrong : truth, wins ? truth : wrong, 1));
      }
      accepted += judge(metric, trials).accepted() ? 1 : 0;
    }

    assertThat(accepted / (double) seeds)
        .as("stated, and twice the error of 400 draws")
        .isLessThanOrEqualTo(GateSettings.DEFAULT.errorRate() + .036);
  }

  /** The randomised test is McNemar's where every error costs the same. */
  @Test
  void atOneCostForEveryErrorItJudgesAsByAccuracy() {
    List<Trial> trials = trials(60, "ok", "ok", "ok");
    trials.addAll(trials(9, "fraud", "ok", "fraud"));
    trials.addAll(trials(4, "ok", "ok", "fraud"));
    Comparison exact = new PairedTest(trials);
    Comparison drawn = new Measure(settings(Metric.COST, Map.of(), 0)).compare(trials);

    assertThat(drawn.gain()).isCloseTo(exact.gain(), org.assertj.core.api.Assertions.within(1e-9));
    assertThat(drawn.discordant()).isEqualTo(exact.discordant());
    assertThat(drawn.pBetter())
        .isCloseTo(exact.pBetter(), org.assertj.core.api.Assertions.within(.02));
    assertThat(drawn.standardError())
        .isCloseTo(exact.standardError(), org.assertj.core.api.Assertions.within(.003));
  }

  @Test
  void refusesSettingsThatMeanNothing() {
    assertThatThrownBy(() -> settings(Metric.ACCURACY, COSTS, 0)).hasMessageContaining("metric");
    assertThatThrownBy(() -> settings(Metric.COST, Map.of("fraud", 2.0), 0))
        .hasMessageContaining("truth>predicted");
    assertThatThrownBy(() -> settings(Metric.COST, Map.of("a>b", -1.0), 0))
        .hasMessageContaining("cost of a>b");
    assertThatThrownBy(() -> settings(Metric.ACCURACY, Map.of(), 2))
        .hasMessageContaining("recall floor of fraud");
  }

  private static Verdict judge(Metric metric, List<Trial> trials) {
    return gate(metric).judge(new Judged(trials, KNOWN, KNOWN, true));
  }

  private static Gate gate(Metric metric) {
    return new Gate(settings(metric, metric == Metric.COST ? COSTS : Map.of(), 0));
  }

  private static Verdict floored(double floor, List<Trial> trials) {
    return new Gate(settings(Metric.ACCURACY, Map.of(), floor))
        .judge(new Judged(trials, KNOWN, KNOWN, true));
  }

  private static GateSettings settings(Metric metric, Map<String, Double> costs, double floor) {
    return new GateSettings(.15, .005, .5, 20, 10, metric, costs, Map.of("fraud", floor));
  }

  private static void assertRefused(Verdict verdict, String reason) {
    assertThat(verdict.accepted()).as(verdict.reason()).isFalse();
    assertThat(verdict.reason()).contains(reason);
  }

  private static List<Trial> trials(int n, String label, String live, String candidate) {
    return new ArrayList<>(Collections.nCopies(n, new Trial(label, live, candidate, 1)));
  }
}
