package dev.headwater.adapt.drift;

import java.util.SplittableRandom;

/**
 * Where a number stands among those before it, as a conformal p-value (Vovk, Gammerman, Shafer
 * 2005): uniform in (0, 1] and independent of the earlier ones as long as the numbers are
 * exchangeable, whatever their distribution; ties are broken by chance. Of more numbers than it can
 * hold it keeps a uniform draw (Vitter 1985). Not thread-safe.
 */
final class Ranks {
  private final double[] values;
  private final SplittableRandom random;
  private long seen;

  Ranks(int capacity, SplittableRandom random) {
    this.values = new double[capacity];
    this.random = random;
  }

  /** Small where {@code value} is greater than those before it. Takes it in. */
  double pValue(double value) {
    int held = held();
    int greater = 0;
    int equal = 1;
    for (int i = 0; i < held; i++) {
      greater += values[i] > value ? 1 : 0;
      equal += values[i] == value ? 1 : 0;
    }
    keep(value);
    return (greater + (1 - random.nextDouble()) * equal) / (held + 1);
  }

  private int held() {
    return (int) Math.min(seen, values.length);
  }

  private void keep(double value) {
    long place = seen < values.length ? seen : random.nextLong(seen + 1);
    if (place < values.length) {
      values[(int) place] = value;
    }
    seen++;
  }

  void clear() {
    seen = 0;
  }
}
