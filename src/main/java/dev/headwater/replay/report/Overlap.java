package dev.headwater.replay.report;

/**
 * A mask against the true one. Intersection and union are those of every class but the first, which
 * is the background, summed over these classes.
 *
 * @param right pixels of the right class, background included
 */
record Overlap(long right, long pixels, long intersection, long union) {
  static Overlap of(byte[] truth, byte[] mask) {
    long right = 0;
    long intersection = 0;
    long union = 0;
    for (int i = 0; i < truth.length; i++) {
      boolean same = truth[i] == mask[i];
      right += same ? 1 : 0;
      intersection += same && truth[i] > 0 ? 1 : 0;
      // two classes that differ are two places, each in the union of its own class
      union += (truth[i] > 0 ? 1 : 0) + (!same && mask[i] > 0 ? 1 : 0);
    }
    return new Overlap(right, truth.length, intersection, union);
  }

  /** What an answer without a mask is worth. */
  static Overlap none(byte[] truth) {
    long foreground = 0;
    for (byte c : truth) {
      foreground += c > 0 ? 1 : 0;
    }
    return new Overlap(0, truth.length, 0, foreground);
  }
}
