package dev.headwater.gate;

import dev.headwater.schema.Verdict;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Decides when a live head has proved worse than its parent, with an anytime-valid paired test. It
 * may be evaluated after every sample. See docs/design/gate.md. Stateless.
 */
final class Withdrawal {
  /** Maximum fraction of heads not worse than their parent that are ever withdrawn. */
  static final double ERROR_RATE = 0.05;

  private static final int BET_SIZES = 100;

  private static final double MIN_STAKE = 1e-100;
  private static final double MAX_STAKE = 1e100;

  private final Measure measure;

  Withdrawal(Measure measure) {
    this.measure = measure;
  }

  /**
   * As {@link Gate#withdraws}.
   *
   * @param audit the unbiased trials that the test uses
   * @param all the trials that the effect size is estimated from
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
            "withdrawn: worse than head %d (%s over %d samples, significant on %d audit samples)",
            parent,
            measure.change(gain),
            all.size(),
            audit.size());
    return Optional.of(
        new Verdict(
            false, reason, all.size(), Map.of("withdrawalGain", gain, "withdrawalStake", stake)));
  }

  /**
   * Returns the wealth that an initial stake of 1 reaches by betting that the head is worse. If the
   * head is not worse than its parent, the bets are fair or unfavourable. The wealth then ever
   * reaches x with probability at most 1 / x (Ville 1939).
   *
   * <p>The stake is split evenly over bet sizes between 0 and 1, so that the test detects small and
   * large losses. The wealth is a running product, because a logarithm per bet is slow and this is
   * called often. Only near overflow or underflow is it moved into a logarithm.
   */
  double stakeOnWorse(List<Trial> trials) {
    double[] bets = trials.stream().mapToDouble(measure::saved).filter(b -> b != 0).toArray();
    double sum = 0;
    for (int size = 0; size < BET_SIZES; size++) {
      double fraction = (size + 0.5) / BET_SIZES;
      double stake = 1;
      double log = 0;
      for (double saved : bets) {
        stake *= 1 - fraction * saved;
        if (stake < MIN_STAKE || stake > MAX_STAKE) {
          log += Math.log(stake);
          stake = 1;
        }
      }
      sum += Math.exp(log + Math.log(stake));
    }
    return sum / BET_SIZES;
  }
}
