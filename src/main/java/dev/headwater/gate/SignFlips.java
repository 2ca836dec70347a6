package dev.headwater.gate;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A sign-flip permutation test for gains of any size (Fisher 1935; Pitman 1937). Under the null
 * hypothesis, each gain has either sign with equal probability. With gains of equal size this is
 * the sign test.
 */
final class SignFlips {
  private static final int DRAWS = 4_000;
  private static final long SEED = 1935;

  /** Position of the sign bit in a double. */
  private static final int SIGN = 63;

  private SignFlips() {}

  /** Returns the mid-P value of a sum of gains this large. Deterministic. */
  static double pGreater(List<Double> values) {
    double[] gains = values.stream().mapToDouble(Double::doubleValue).filter(g -> g != 0).toArray();
    if (gains.length == 0) {
      return 0.5;
    }
    double sum = Arrays.stream(gains).sum();
    SplittableRandom random = new SplittableRandom(SEED);
    double above = 0;
    for (int draw = 0; draw < DRAWS; draw++) {
      double flipped = 0;
      long bits = 0;
      for (int i = 0; i < gains.length; i++) {
        bits = i % Long.SIZE == 0 ? random.nextLong() : bits >>> 1;
        // XOR with a random bit: a branch would be mispredicted half of the time
        flipped += Double.longBitsToDouble(Double.doubleToRawLongBits(gains[i]) ^ bits << SIGN);
      }
      double difference = flipped - sum;
      above += difference > 1e-12 ? 1 : difference < -1e-12 ? 0 : 0.5;
    }
    return above / DRAWS;
  }
}
