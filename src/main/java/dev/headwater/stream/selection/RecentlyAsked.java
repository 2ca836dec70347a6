package dev.headwater.stream.selection;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * What was asked lately, so that no ten copies of one question are: a record much closer to one of
 * these than they are to each other is a copy. Distances are Euclidean and only ever compared with
 * each other, so features of any scale will do. Bounded in records and in floats. Not thread-safe.
 */
final class RecentlyAsked {
  private static final int RECORDS = 256;
  private static final int FLOATS = 1 << 20;

  /** Below it nothing can be said of how close records usually are. */
  private static final int FEW = 10;

  private final double ratio;
  private final Deque<Asked> asked = new ArrayDeque<>();
  private double typical;

  /**
   * @param distance to the nearest of those asked before it
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Asked(float[] features, double distance) {}

  /**
   * @param ratio of the typical distance below which a record is a copy; 0 for none ever
   */
  RecentlyAsked(double ratio) {
    this.ratio = ratio;
  }

  /** Whether one so close to its {@link #nearest} says nothing that it does not. */
  boolean isCopy(double nearest) {
    return asked.size() >= FEW && nearest < ratio * typical;
  }

  /** Distance to the nearest that was asked; infinite where none was, 0 where nobody wants it. */
  double nearest(float[] features) {
    if (ratio == 0) {
      return 0;
    }
    double nearest = Double.POSITIVE_INFINITY;
    for (Asked other : asked) {
      nearest = Math.min(nearest, squaredDistance(features, other.features));
    }
    return Math.sqrt(nearest);
  }

  void add(float[] features, double nearest) {
    if (ratio == 0) {
      return;
    }
    asked.add(new Asked(features, nearest));
    if (asked.size() > Math.max(1, Math.min(RECORDS, FLOATS / features.length))) {
      asked.remove();
    }
    double[] distances = asked.stream().mapToDouble(Asked::distance).sorted().toArray();
    typical = distances[distances.length / 2];
  }

  /** In four sums, which the processor adds up side by side. */
  private static double squaredDistance(float[] a, float[] b) {
    float[] sums = new float[4];
    int whole = a.length / 4 * 4;
    for (int i = 0; i < whole; i += 4) {
      for (int lane = 0; lane < 4; lane++) {
        float difference = a[i + lane] - b[i + lane];
        sums[lane] += difference * difference;
      }
    }
    for (int i = whole; i < a.length; i++) {
      sums[0] += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return (double) sums[0] + sums[1] + sums[2] + sums[3];
  }
}
