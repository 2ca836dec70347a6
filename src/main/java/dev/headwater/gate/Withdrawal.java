package dev.headwater.gate;

import dev.headwater.schema.Verdict;
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

  private static final int BETTORS = 100;

  private static final double LEAST = 1e-100;
  private static final double MOST = 1e100;

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
   * to next to all they have each time, so that small and large losses are both found. Stakes are
   * multiplied, for a logarithm of each of many bets takes long and this is asked often; of what
   * leaves the range of numbers so, the logarithm is kept.
   */
  double stakeOnWorse(List<Trial> trials) {
    double[] bets = trials.stream().mapToDouble(measure::saved).filter(b -> b != 0).toArray();
    double sum = 0;
    for (int bettor = 0; bettor < BETTORS; bettor++) {
      double risked = (bettor + 0.5) / BETTORS;
      double stake = 1;
      double log = 0;
      for (double saved : bets) {
        stake *= 1 - risked * saved;
        if (stake < LEAST || stake > MOST) {
          log += Math.log(stake);
          stake = 1;
        }
      }
      sum += Math.exp(log + Math.log(stake));
    }
    return sum / BETTORS;
  }
}
