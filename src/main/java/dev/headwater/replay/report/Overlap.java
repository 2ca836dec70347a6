package dev.headwater.replay.report;

/**
 * The overlap of a predicted and a true mask. Intersection and union are summed over all classes
 * except the first, the background.
 *
 * @param right number of correct pixels, background included
 * @param pixels number of all pixels
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
      // a pixel with two different classes counts in the union of each class
      union += (truth[i] > 0 ? 1 : 0) + (!same && mask[i] > 0 ? 1 : 0);
    }
    return new Overlap(right, truth.length, intersection, union);
  }

  /** Returns the overlap of a missing prediction. */
  static Overlap none(byte[] truth) {
    long foreground = 0;
    for (byte c : truth) {
      foreground += c > 0 ? 1 : 0;
    }
    return new Overlap(0, truth.length, 0, foreground);
  }
}
