package dev.headwater.bundle;

import java.util.SplittableRandom;

/**
 * Reduces long feature vectors to {@link #SIZE} values while preserving distances (feature hashing:
 * Weinberger et al. 2009). Each value is added to or subtracted from one randomly chosen output.
 * Squared distances are preserved in expectation, with a relative standard deviation of at most
 * {@code sqrt(2 / SIZE)}, here 4.4 %.
 */
final class Sketch {
  static final int SIZE = 1024;

  /** Must never change: vectors on the samples topic are compared with later ones. */
  private static final long SEED = 20_091_106;

  /** For each value, twice the index of its output, plus one if it is subtracted. */
  private final int[] targets;

  /**
   * @param length length of the input vectors
   */
  Sketch(int length) {
    targets = new SplittableRandom(SEED).ints(length, 0, 2 * SIZE).toArray();
  }

  float[] of(float[] vector) {
    float[] sums = new float[2 * SIZE];
    for (int i = 0; i < targets.length; i++) {
      sums[targets[i]] += vector[i];
    }
    float[] hashed = new float[SIZE];
    for (int i = 0; i < SIZE; i++) {
      hashed[i] = sums[2 * i] - sums[2 * i + 1];
    }
    return hashed;
  }
}
