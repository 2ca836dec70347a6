package dev.headwater.stream.selection;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/**
 * What was asked lately, so that no ten copies of one question are: a record much closer to one of
 * these than they are to each other is a copy. Distances are Euclidean and only ever compared with
 * each other, so features of any scale will do. Bounded in records and in floats. Not thread-safe.
 */
final class RecentlyAsked {
  private static final int RECORDS = 256;
  private static final int FLOATS = 1 << 20;

  /**
   * Of so many that are asked one has its distance to the nearest measured: the middle one tells.
   */
  private static final int MEASURED = 8;

  /** Below it nothing can be said of how close records usually are. */
  private static final int FEW = 10;

  /** Of features, after which a distance may be known to be too long. */
  private static final int BLOCK = 16;

  private final double ratio;
  private final Deque<Asked> asked = new ArrayDeque<>();
  private @Nullable SortedWindow distances;
  private int later;

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Asked(float[] features, float norm) {}

  /**
   * @param ratio of the typical distance below which a record is a copy; 0 for none ever
   */
  RecentlyAsked(double ratio) {
    this.ratio = ratio;
  }

  /** Whether it is so close to one that was asked lately that it says nothing that that did not. */
  boolean isCopy(float[] features) {
    if (distances == null || distances.count() < FEW) {
      return false;
    }
    double copy = ratio * distances.quantile(0.5);
    return nearest(features, copy) < copy;
  }

  void add(float[] features) {
    if (ratio == 0) {
      return;
    }
    int kept = Math.max(1, Math.min(RECORDS, FLOATS / features.length));
    if (distances == null) {
      distances = new SortedWindow(kept);
    }
    // of the first, who have few others to be near to, all: those that follow soon outnumber them
    if (asked.size() < kept || ++later % MEASURED == 0) {
      distances.remember(nearest(features, Double.POSITIVE_INFINITY));
    }
    asked.add(new Asked(features, norm(features)));
    if (asked.size() > kept) {
      asked.remove();
    }
  }

  /**
   * Distance to the nearest that was asked, if it is below a limit, which else is returned. The
   * latest is looked at first, and of the others only as much as may be nearer: a copy is mostly of
   * something recent.
   */
  double nearest(float[] features, double limit) {
    float norm = norm(features);
    float bound = (float) (limit * limit);
    float nearest = bound;
    for (Iterator<Asked> latest = asked.descendingIterator(); latest.hasNext(); ) {
      Asked other = latest.next();
      float apart = norm - other.norm; // no longer than the distance: the triangle's inequality
      if (apart * apart < nearest) {
        nearest = Math.min(nearest, squaredDistance(features, other.features, nearest));
      }
    }
    return nearest < bound ? Math.sqrt(nearest) : limit;
  }

  private static float norm(float[] features) {
    float sum = 0;
    for (float value : features) {
      sum += value * value;
    }
    return (float) Math.sqrt(sum);
  }

  /**
   * In four sums, which the processor adds up side by side.
   *
   * @param limit from which on it does not matter how much more it is
   */
  private static float squaredDistance(float[] a, float[] b, float limit) {
    float sum = 0;
    int at = 0;
    for (; at + BLOCK <= a.length && sum < limit; at += BLOCK) {
      float first = 0;
      float second = 0;
      float third = 0;
      float fourth = 0;
      for (int i = at; i < at + BLOCK; i += 4) {
        float w = a[i] - b[i];
        float x = a[i + 1] - b[i + 1];
        float y = a[i + 2] - b[i + 2];
        float z = a[i + 3] - b[i + 3];
        first += w * w;
        second += x * x;
        third += y * y;
        fourth += z * z;
      }
      sum += first + second + third + fourth;
    }
    for (; at < a.length && sum < limit; at++) {
      sum += (a[at] - b[at]) * (a[at] - b[at]);
    }
    return sum;
  }
}
