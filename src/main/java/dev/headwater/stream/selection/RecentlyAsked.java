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

  /** Below it nothing can be said of how close records usually are. */
  private static final int FEW = 10;

  /** Of features, after which a distance may be known to be too long. */
  private static final int BLOCK = 16;

  private final double ratio;
  private final Deque<Asked> asked = new ArrayDeque<>();
  private @Nullable SortedWindow distances;

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Asked(float[] features, float norm) {}

  /**
   * @param ratio of the typical distance below which a record is a copy; 0 for none ever
   */
  RecentlyAsked(double ratio) {
    this.ratio = ratio;
  }

  /** Whether one so close to its {@link #nearest} says nothing that it does not. */
  boolean isCopy(double nearest) {
    return distances != null
        && distances.count() >= FEW
        && nearest < ratio * distances.quantile(0.5);
  }

  /**
   * Distance to the nearest that was asked; infinite where none was, 0 where nobody wants it. The
   * latest is looked at first, and of the others only as much as may be nearer: a copy is mostly of
   * something recent.
   */
  double nearest(float[] features) {
    if (ratio == 0) {
      return 0;
    }
    float norm = norm(features);
    float nearest = Float.POSITIVE_INFINITY;
    for (Iterator<Asked> latest = asked.descendingIterator(); latest.hasNext(); ) {
      Asked other = latest.next();
      float apart = norm - other.norm; // no longer than the distance: the triangle's inequality
      if (apart * apart < nearest) {
        nearest = Math.min(nearest, squaredDistance(features, other.features, nearest));
      }
    }
    return Math.sqrt(nearest);
  }

  /**
   * @param nearest as it was told of these features
   */
  void add(float[] features, double nearest) {
    if (ratio == 0) {
      return;
    }
    if (distances == null) {
      distances = new SortedWindow(Math.max(1, Math.min(RECORDS, FLOATS / features.length)));
    }
    asked.add(new Asked(features, norm(features)));
    distances.remember(nearest);
    if (asked.size() > distances.count()) {
      asked.remove();
    }
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
