package dev.headwater.gate;

import dev.headwater.schema.Verdict;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Tells when a head that serves has proved worse than its parent: a paired test that may be looked
 * at after every sample. Argued in RATIONALE.md. Stateless.
 */
public final class Withdrawal {
  /** Most heads no worse than their parent that are ever withdrawn, however often one looks. */
  public static final double ERROR_RATE = 0.05;

  private Withdrawal() {}

  /**
   * Says why the head should no longer serve; empty while it may.
   *
   * @param audit trials of samples drawn whatever any head said of them: only these prove anything,
   *     for among those the head was unsure about, it is wrong more often than on the traffic
   * @param all these and the others, weighted: what the traffic loses
   * @param parent the version whose answers are the trials' {@link Trial#live}; those of the head
   *     in question are their candidate's
   */
  public static Optional<Verdict> of(List<Trial> audit, List<Trial> all, long parent) {
    PairedTest proof = new PairedTest(audit);
    PairedTest size = new PairedTest(all);
    if (proof.stakeOnWorse() < 1 / ERROR_RATE || size.gain() >= 0) {
      return Optional.empty();
    }
    String reason =
        String.format(
            Locale.ROOT,
            "withdrawn: it is worse than head %d by %.1f points, as %d audited samples on which they differ prove",
            parent,
            -100 * size.gain(),
            proof.discordant());
    return Optional.of(
        new Verdict(
            false,
            reason,
            all.size(),
            Map.of("withdrawalGain", size.gain(), "withdrawalStake", proof.stakeOnWorse())));
  }
}
