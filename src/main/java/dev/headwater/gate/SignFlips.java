package dev.headwater.gate;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Whether gains of any size are more than chance (Fisher 1935; Pitman 1937): were the heads equally
 * good, each gain could as well have had the other sign. With gains of one size this is the sign
 * test on the bare counts.
 */
final class SignFlips {
  private static final int DRAWS = 4_000;
  private static final long SEED = 1935;

  /** The bit of a double that is its sign. */
  private static final int SIGN = 63;

  private SignFlips() {}

  /** Mid-P probability of at least this sum of gains; the same gains give the same. */
  static double pGreater(List<Double> all) {
    double[] gains = all.stream().mapToDouble(Double::doubleValue).filter(g -> g != 0).toArray();
    if (gains.length == 0) {
      return 0.5;
    }
    double sum = Arrays.stream(gains).sum();
    SplittableRandom random = new SplittableRandom(SEED);
    double above = 0;
    for (int draw = 0; draw < DRAWS; draw++) {
      double flipped = 0;
      long coins = 0;
      for (int i = 0; i < gains.length; i++) {
        coins = i % Long.SIZE == 0 ? random.nextLong() : coins >>> 1;
        // a coin for a sign: a branch would be guessed wrong every other time
        flipped += Double.longBitsToDouble(Double.doubleToRawLongBits(gains[i]) ^ coins << SIGN);
      }
      double difference = flipped - sum;
      above += difference > 1e-12 ? 1 : difference < -1e-12 ? 0 : 0.5;
    }
    return above / DRAWS;
  }
}
