package dev.headwater.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.schema.Verdict;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WithdrawalTest {
  private static final int SEEDS = 2_000;
  private final Random random = new Random(17);
  private static final Withdrawal WITHDRAWAL = new Withdrawal(new Measure(GateSettings.DEFAULT));

  /** Looked at after every one of a thousand samples. */
  @Test
  void aHeadAsGoodAsItsParentIsSeldomWithdrawnHoweverOftenOneLooks() {
    int withdrawn = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      withdrawn += withdrawnAfter(random, .1, .1, 1_000) > 0 ? 1 : 0;
    }

    assertThat(withdrawn / (double) SEEDS).isLessThanOrEqualTo(Withdrawal.ERROR_RATE);
  }

  @Test
  void aHeadThatLosesThirtyPointsIsWithdrawnWithinEightyAuditedSamples() {
    int soon = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      int after = withdrawnAfter(random, .05, .35, 80);
      soon += after > 0 ? 1 : 0;
    }

    assertThat(soon / (double) SEEDS).isGreaterThan(.95);
  }

  @Test
  void aHeadThatLosesFivePointsIsWithdrawnInTheEnd() {
    int found = 0;
    for (int seed = 0; seed < 200; seed++) {
      found += withdrawnAfter(random, .05, .1, 1_500) > 0 ? 1 : 0;
    }

    assertThat(found / 200.0).isGreaterThan(.9);
  }

  @Test
  void aBetterHeadIsHardlyEverWithdrawn() {
    int withdrawn = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      withdrawn += withdrawnAfter(random, .1, .05, 1_000) > 0 ? 1 : 0;
    }

    assertThat(withdrawn / (double) SEEDS).isLessThan(.01);
  }

  @Test
  void sevenLossesAndNoWinAreProof() {
    assertThat(WITHDRAWAL.judge(losses(6), losses(6), 3)).isEmpty();

    Verdict verdict = WITHDRAWAL.judge(losses(7), losses(7), 3).orElseThrow();

    assertThat(verdict.accepted()).isFalse();
    assertThat(verdict.reason())
        .contains("worse than head 3 (-100.0 pt over ", "on 7 audit samples");
  }

  /** It was unsure about them because it is wrong on them; on the traffic it may be better. */
  @Test
  void samplesTheHeadWasUnsureAboutProveNothing() {
    assertThat(WITHDRAWAL.judge(List.of(), losses(100), 3)).isEmpty();
  }

  @Test
  void whatTheTrafficGainsOutweighsWhatTheAuditSays() {
    List<Trial> all = new ArrayList<>(losses(7));
    for (int i = 0; i < 8; i++) {
      all.add(new Trial("a", "b", "a", 1));
    }

    assertThat(WITHDRAWAL.judge(losses(7), all, 3)).isEmpty();
  }

  /** The mean of (1 + r)^losses (1 - r)^wins over what bettors risk, r. */
  @Test
  void theStakeIsTheMixtureItClaimsToBe() {
    assertThat(stake(0, 0)).isEqualTo(1, within(1e-12));
    assertThat(stake(0, 1)).isEqualTo(1.5, within(1e-12));
    assertThat(stake(1, 0)).isEqualTo(.5, within(1e-12));
    assertThat(stake(1, 1)).isEqualTo(2 / 3.0, within(1e-4));
    assertThat(stake(3, 400)).as("no overflow on the way").isGreaterThan(1e50);
    assertThat(stake(900, 300)).as("nor noise where hardly anything is left").isLessThan(.002);
  }

  @Test
  void whatLeavesTheRangeOfNumbersOnTheWayComesBack() {
    List<Trial> lostFirst = losses(2_000);
    for (int i = 0; i < 1_900; i++) {
      lostFirst.add(new Trial("a", "b", "a", 1));
    }
    List<Trial> wonFirst = new ArrayList<>(lostFirst);
    Collections.reverse(wonFirst);

    double stake = WITHDRAWAL.stakeOnWorse(lostFirst);

    assertThat(stake).isBetween(.01, 10.0);
    assertThat(WITHDRAWAL.stakeOnWorse(wonFirst)).isCloseTo(stake, within(1e-9));
  }

  @Test
  void dearErrorsProveAHeadWorseThatIsRightMoreOften() {
    GateSettings byCost =
        new GateSettings(.15, .005, .1, 20, 10, Metric.COST, Map.of("fraud>ok", 50.0), Map.of());
    List<Trial> trials = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      trials.add(new Trial("ok", "fraud", "ok", 1));
      if (i % 2 == 0) {
        trials.add(new Trial("fraud", "fraud", "ok", 1));
      }
    }

    assertThat(WITHDRAWAL.judge(trials, trials, 3)).as("by accuracy it is better").isEmpty();
    Optional<Verdict> verdict = new Gate(byCost).withdraws(trials, trials, 3);
    assertThat(verdict.orElseThrow().reason())
        .contains("per 100 records over 30 samples, significant on 30 audit samples");
  }

  private static double stake(int wins, int losses) {
    List<Trial> trials = losses(losses);
    for (int i = 0; i < wins; i++) {
      trials.add(new Trial("a", "b", "a", 1));
    }
    return WITHDRAWAL.stakeOnWorse(trials);
  }

  private static List<Trial> losses(int count) {
    List<Trial> trials = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      trials.add(new Trial("a", "a", "b", 1));
    }
    return trials;
  }

  /** 0 where it never is. */
  private static int withdrawnAfter(Random random, double wins, double losses, int samples) {
    List<Trial> trials = new ArrayList<>();
    for (int n = 1; n <= samples; n++) {
      double draw = random.nextDouble();
      boolean lost = draw < losses;
      boolean won = !lost && draw < losses + wins;
      if (!lost && !won) {
        continue; // says nothing of either
      }
      trials.add(new Trial("a", won ? "b" : "a", won ? "a" : "b", 20));
      Optional<Verdict> verdict = WITHDRAWAL.judge(trials, trials, 1);
      if (verdict.isPresent()) {
        return n;
      }
    }
    return 0;
  }
}
