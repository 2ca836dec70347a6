package dev.headwater.gate;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * Wins and losses of a candidate over paired trials. Significance comes from their bare counts
 * (McNemar 1947 where weighting says nothing, and insensitive to the one heavy trial that would
 * drown all others in a weighted sum); the size of the effect on the traffic from their weights
 * (Horvitz-Thompson 1952).
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

  /** Trials that only the candidate won, or where its answer was the better one. */
  public int wins() {
    return wins;
  }

  /** Likewise of the live head. */
  public int losses() {
    return losses;
  }

  /** Two-sided: how likely answers as good as each other were to look this different. */
  public double pDifferent() {
    return Math.min(1, 2 * Math.min(pBetter(), pWorse()));
  }

  /** Estimated change of accuracy on the traffic. */
  @Override
  public double gain() {
    return weight == 0 ? 0 : weightedGain / weight;
  }

  /** Of {@link #gain}, were wins and losses equally likely. */
  @Override
  public double standardError() {
    return weight == 0 ? 0 : Math.sqrt(weightedSquares) / weight;
  }

  @Override
  public int discordant() {
    return wins + losses;
  }

  /**
   * Mid-P probability (Lancaster 1961) of at least as many wins among the discordant trials, were
   * wins and losses equally likely. From exact counts, so it holds for three of them as for three
   * hundred; as counts are whole, the rate it states holds over sizes, not at each of them. Where
   * gains come in all sizes, so do these: see {@link SignFlips}.
   */
  @Override
  public double pBetter() {
    return graded ? SignFlips.pGreater(gains) : midP(wins, wins + losses);
  }

  /** As {@link #pBetter}, of at least as many losses. */
  @Override
  public double pWorse() {
    return graded
        ? SignFlips.pGreater(gains.stream().map(gain -> -gain).toList())
        : midP(losses, wins + losses);
  }

  /** P(X &gt; k) + P(X = k) / 2 for X ~ Binomial(n, 1/2). */
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
