package dev.headwater.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.schema.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class WithdrawalTest {
  private static final int SEEDS = 2_000;

  /** Looked at after every one of a thousand samples. */
  @Test
  void aHeadAsGoodAsItsParentIsSeldomWithdrawnHoweverOftenOneLooks() {
    int withdrawn = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      withdrawn += withdrawnAfter(new Random(seed), .1, .1, 1_000) > 0 ? 1 : 0;
    }

    assertThat(withdrawn / (double) SEEDS).isLessThanOrEqualTo(Withdrawal.ERROR_RATE);
  }

  @Test
  void aHeadThatLosesThirtyPointsIsWithdrawnWithinEightyAuditedSamples() {
    int soon = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      int after = withdrawnAfter(new Random(seed), .05, .35, 80);
      soon += after > 0 ? 1 : 0;
    }

    assertThat(soon / (double) SEEDS).isGreaterThan(.95);
  }

  @Test
  void aHeadThatLosesFivePointsIsWithdrawnInTheEnd() {
    int found = 0;
    for (int seed = 0; seed < 200; seed++) {
      found += withdrawnAfter(new Random(seed), .05, .1, 1_500) > 0 ? 1 : 0;
    }

    assertThat(found / 200.0).isGreaterThan(.9);
  }

  @Test
  void aBetterHeadStays() {
    for (int seed = 0; seed < 200; seed++) {
      assertThat(withdrawnAfter(new Random(seed), .1, .05, 1_000)).isZero();
    }
  }

  @Test
  void sevenLossesAndNoWinAreProof() {
    assertThat(Withdrawal.of(losses(6), losses(6), 3)).isEmpty();

    Verdict verdict = Withdrawal.of(losses(7), losses(7), 3).orElseThrow();

    assertThat(verdict.accepted()).isFalse();
    assertThat(verdict.reason()).contains("worse than head 3 by 100.0 points", "7 audited");
  }

  /** It was unsure about them because it is wrong on them; on the traffic it may be better. */
  @Test
  void samplesTheHeadWasUnsureAboutProveNothing() {
    assertThat(Withdrawal.of(List.of(), losses(100), 3)).isEmpty();
  }

  @Test
  void whatTheTrafficGainsOutweighsWhatTheAuditSays() {
    List<Trial> all = new ArrayList<>(losses(7));
    for (int i = 0; i < 8; i++) {
      all.add(new Trial("a", "b", "a", 1));
    }

    assertThat(Withdrawal.of(losses(7), all, 3)).isEmpty();
  }

  /** 2^(n+1) times the integral of p^losses (1-p)^wins over (1/2, 1). */
  @Test
  void theStakeIsTheMixtureItClaimsToBe() {
    assertThat(stake(0, 0)).isEqualTo(1, within(1e-12));
    assertThat(stake(0, 1)).isEqualTo(1.5, within(1e-12));
    assertThat(stake(1, 0)).isEqualTo(.5, within(1e-12));
    assertThat(stake(1, 1)).isEqualTo(2 / 3.0, within(1e-12));
    assertThat(stake(3, 400)).as("no overflow on the way").isGreaterThan(1e50);
    assertThat(stake(900, 300)).as("nor underflow").isBetween(.0016, .0017);
  }

  private static double stake(int wins, int losses) {
    List<Trial> trials = losses(losses);
    for (int i = 0; i < wins; i++) {
      trials.add(new Trial("a", "b", "a", 1));
    }
    return new PairedTest(trials).stakeOnWorse();
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
      Optional<Verdict> verdict = Withdrawal.of(trials, trials, 1);
      if (verdict.isPresent()) {
        return n;
      }
    }
    return 0;
  }
}
