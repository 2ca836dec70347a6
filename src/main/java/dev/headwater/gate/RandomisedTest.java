package dev.headwater.gate;

import java.util.Random;

/**
 * Approximate randomisation (Yeh 2000): were the heads alike, each answer could as well have been
 * the other head's, whatever the score is made of. Of right and wrong answers this is McNemar's
 * test. As there, significance comes from samples that count one each, and the size of the effect
 * from their weights.
 */
final class RandomisedTest implements Comparison {
  private static final int ROUNDS = 2_000;
  private static final double TIE = 1e-12;

  private final int discordant;
  private final double gain;
  private final double standardError;
  private final double pBetter;

  RandomisedTest(AnswerTable answers) {
    discordant = answers.differing();
    gain = answers.gain();
    double bareGain = answers.bareGain();
    Random coin = new Random(1); // the same samples get the same verdict
    double above = 0;
    double squares = 0;
    for (int round = 0; round < ROUNDS && discordant > 0; round++) {
      answers.shuffle(coin);
      double excess = answers.bareGain() - bareGain;
      above += Math.abs(excess) < TIE ? 0.5 : excess > 0 ? 1 : 0;
      double size = answers.gain();
      squares += size * size;
    }
    standardError = Math.sqrt(squares / ROUNDS);
    // with what was seen as one more round
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
