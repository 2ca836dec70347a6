package dev.headwater.gate;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * A paired test over the wins and losses of a candidate. The p-value uses unweighted counts
 * (McNemar 1947), so that a single trial with a large weight cannot dominate it. The effect size
 * uses the weights (Horvitz-Thompson 1952).
 */
public final class PairedTest implements Comparison {
  private int wins;
  private int losses;
  private double weight;
  private double weightedGain;
  private double weightedSquares;
  private final List<Double> gains = new ArrayList<>();
  private boolean graded;

  public PairedTest(Collection<Trial> trials) {
    for (Trial trial : trials) {
      double gain = trial.gain();
      gains.add(gain);
      graded |= trial.graded();
      wins += gain > 0 ? 1 : 0;
      losses += gain < 0 ? 1 : 0;
      weight += trial.weight();
      weightedGain += trial.weight() * gain;
      weightedSquares += trial.weight() * trial.weight() * gain * gain;
    }
  }

  /** Returns the number of trials on which the candidate is better. */
  public int wins() {
    return wins;
  }

  /** Returns the number of trials on which the live head is better. */
  public int losses() {
    return losses;
  }

  /** Returns the two-sided p-value that the heads differ. */
  public double pDifferent() {
    return Math.min(1, 2 * Math.min(pBetter(), pWorse()));
  }

  /** Returns the estimated change of accuracy on the traffic. */
  @Override
  public double gain() {
    return weight == 0 ? 0 : weightedGain / weight;
  }

  /** Returns the standard error of {@link #gain} if wins and losses are equally likely. */
  @Override
  public double standardError() {
    return weight == 0 ? 0 : Math.sqrt(weightedSquares) / weight;
  }

  @Override
  public int discordant() {
    return wins + losses;
  }

  /**
   * Returns the mid-P value (Lancaster 1961) of at least as many wins among the discordant trials,
   * if wins and losses are equally likely. It is exact for any number of trials. Because counts are
   * discrete, its error rate holds on average over sample sizes, not for each of them. Fractional
   * gains are tested by {@link SignFlips}.
   */
  @Override
  public double pBetter() {
    return graded ? SignFlips.pGreater(gains) : midP(wins, wins + losses);
  }

  /** As {@link #pBetter}, for at least as many losses. */
  @Override
  public double pWorse() {
    return graded
        ? SignFlips.pGreater(gains.stream().map(gain -> -gain).toList())
        : midP(losses, wins + losses);
  }

  /** Returns P(X &gt; k) + P(X = k) / 2 for X ~ Binomial(n, 1/2). */
  static double midP(int k, int n) {
    double logChoose = 0;
    double sum = 0;
    for (int i = n; i > k; i--) {
      sum += Math.exp(logChoose - n * Math.log(2));
      logChoose += Math.log(i) - Math.log(n - i + 1.0);
    }
    return sum + Math.exp(logChoose - n * Math.log(2)) / 2;
  }
}
