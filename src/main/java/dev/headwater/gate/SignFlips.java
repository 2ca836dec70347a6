package dev.headwater.gate;

import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Whether gains of any size are more than chance (Fisher 1935; Pitman 1937): were the heads equally
 * good, each gain could as well have had the other sign. With gains of one size this is the sign
 * test on the bare counts.
 */
final class SignFlips {
  private static final int DRAWS = 4_000;
  private static final long SEED = 1935;

  private SignFlips() {}

  /** Mid-P probability of at least this sum of gains; the same gains give the same. */
  static double pGreater(List<Double> all) {
    double[] gains = all.stream().mapToDouble(Double::doubleValue).filter(g -> g != 0).toArray();
    if (gains.length == 0) {
      return 0.5;
    }
    double sum = Arrays.stream(gains).sum();
    Random random = new Random(SEED);
    double above = 0;
    for (int draw = 0; draw < DRAWS; draw++) {
      double flipped = 0;
      for (double gain : gains) {
        flipped += random.nextBoolean() ? gain : -gain;
      }
      double difference = flipped - sum;
      above += difference > 1e-12 ? 1 : difference < -1e-12 ? 0 : 0.5;
    }
    return above / DRAWS;
  }
}
