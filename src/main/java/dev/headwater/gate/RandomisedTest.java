package dev.headwater.gate;

import java.util.Random;

/**
 * An approximate randomisation test (Yeh 2000) for any score. Under the null hypothesis, the
 * predictions for each sample are exchangeable between the heads. For accuracy this is McNemar's
 * test. As in {@link PairedTest}, the p-value is unweighted and the effect size is weighted.
 */
final class RandomisedTest implements Comparison {
  private static final int ROUNDS = 2_000;
  private static final double TIE = 1e-12;

  private final int discordant;
  private final double gain;
  private final double standardError;
  private final double pBetter;

  RandomisedTest(AnswerTable table) {
    discordant = table.differing();
    gain = table.gain();
    double unweightedGain = table.bareGain();
    Random random = new Random(1); // deterministic: equal samples, equal verdict
    double above = 0;
    double squares = 0;
    for (int round = 0; round < ROUNDS && discordant > 0; round++) {
      table.shuffle(random);
      double excess = table.bareGain() - unweightedGain;
      above += Math.abs(excess) < TIE ? 0.5 : excess > 0 ? 1 : 0;
      double weightedGain = table.gain();
      squares += weightedGain * weightedGain;
    }
    standardError = Math.sqrt(squares / ROUNDS);
    // the observed gain counts as one more round
    pBetter = discordant == 0 ? 0.5 : (above + 0.5) / (ROUNDS + 1);
  }

  @Override
  public double gain() {
    return gain;
  }

  @Override
  public double standardError() {
    return standardError;
  }

  @Override
  public int discordant() {
    return discordant;
  }

  @Override
  public double pBetter() {
    return pBetter;
  }

  @Override
  public double pWorse() {
    return 1 - pBetter;
  }
}
