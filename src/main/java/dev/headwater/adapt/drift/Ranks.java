package dev.headwater.adapt.drift;

import java.util.SplittableRandom;

/**
 * Computes conformal p-values of a sequence of numbers (Vovk, Gammerman, Shafer 2005). While the
 * numbers are exchangeable, the p-values are uniform in (0, 1] and independent, whatever the
 * distribution. Ties are broken at random. Beyond its capacity it keeps a uniform sample of the
 * numbers (reservoir sampling: Vitter 1985). Not thread-safe.
 */
final class Ranks {
  private final double[] values;
  private final SplittableRandom random;
  private long seen;

  Ranks(int capacity, SplittableRandom random) {
    this.values = new double[capacity];
    this.random = random;
  }

  /** Adds a value and returns its p-value, which is small for unusually large values. */
  double pValue(double value) {
    int size = size();
    int greater = 0;
    int equal = 1;
    for (int i = 0; i < size; i++) {
      greater += values[i] > value ? 1 : 0;
      equal += values[i] == value ? 1 : 0;
    }
    add(value);
    return (greater + (1 - random.nextDouble()) * equal) / (size + 1);
  }

  private int size() {
    return (int) Math.min(seen, values.length);
  }

  private void add(double value) {
    long index = seen < values.length ? seen : random.nextLong(seen + 1);
    if (index < values.length) {
      values[(int) index] = value;
    }
    seen++;
  }

  void clear() {
    seen = 0;
  }
}
