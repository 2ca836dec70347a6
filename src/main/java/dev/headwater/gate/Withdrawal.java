package dev.headwater.gate;

import dev.headwater.schema.Verdict;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Tells when a head that serves has proved worse than its parent, by a paired test that may be
 * looked at after every sample. Argued in RATIONALE.md. Stateless.
 */
final class Withdrawal {
  /** Most heads no worse than their parent that are ever withdrawn, however often one looks. */
  static final double ERROR_RATE = 0.05;

  private static final int BETS = 100;

  private final Measure measure;

  Withdrawal(Measure measure) {
    this.measure = measure;
  }

  /**
   * As {@link Gate#withdraws}.
   *
   * @param audit the trials that prove anything; {@code all} say how much is lost
   */
  Optional<Verdict> judge(List<Trial> audit, List<Trial> all, long parent) {
    double stake = stakeOnWorse(audit);
    if (stake < 1 / ERROR_RATE) {
      return Optional.empty();
    }
    double gain = measure.gain(all);
    if (gain >= 0) {
      return Optional.empty();
    }
    String reason =
        String.format(
            Locale.ROOT,
            "withdrawn: it is worse than head %d by %s, as %d audited samples prove",
            parent,
            measure.amount(-gain),
            audit.size());
    return Optional.of(
        new Verdict(
            false, reason, all.size(), Map.of("withdrawalGain", gain, "withdrawalStake", stake)));
  }

  /**
   * What a stake of 1 has grown to by bets that the head loses. The bets are fair or worse where it
   * is no worse than its parent, and the stake then ever reaches x with probability 1 / x at most
   * (Ville 1939), whenever one looks. It is split evenly over bettors who risk from next to nothing
   * to next to all they have each time, so that small and large losses are both found. Equal bets
   * are counted and paid together, for there are few kinds of them and this is asked often.
   */
  double stakeOnWorse(List<Trial> trials) {
    Map<Double, Integer> bets = new HashMap<>();
    for (Trial trial : trials) {
      double saved = measure.saved(trial);
      if (saved != 0) {
        bets.merge(saved, 1, Integer::sum);
      }
    }
    double sum = 0;
    for (int bet = 0; bet < BETS; bet++) {
      double risked = (bet + 0.5) / BETS;
      double log = 0;
      for (Map.Entry<Double, Integer> equal : bets.entrySet()) {
        log += equal.getValue() * Math.log1p(-risked * equal.getKey());
      }
      sum += Math.exp(log);
    }
    return sum / BETS;
  }
}
