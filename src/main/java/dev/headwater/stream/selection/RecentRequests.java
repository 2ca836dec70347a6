package dev.headwater.stream.selection;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import org.jspecify.annotations.Nullable;

/**
 * Detects near-duplicates of records with recent label requests. A near-duplicate is much closer to
 * one of these than they typically are to each other. Distances are Euclidean and relative, so the
 * scale of the features does not matter. Bounded in records and floats. Not thread-safe.
 */
final class RecentRequests {
  private static final int MAX_RECORDS = 256;
  private static final int MAX_FLOATS = 1 << 20;

  /** Requests per measured distance to the nearest neighbour, once the window is full. */
  private static final int MEASURE_INTERVAL = 8;

  /** Minimum number of distances to estimate the typical one. */
  private static final int MIN_DISTANCES = 10;

  /** Features between two checks of the distance limit. */
  private static final int BLOCK = 16;

  private final double ratio;
  private final Deque<Request> requests = new ArrayDeque<>();
  private @Nullable SortedWindow distances;
  private int sinceFull;

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Request(float[] features, float norm) {}

  /**
   * Creates an empty window.
   *
   * @param ratio near-duplicate radius, as a fraction of the typical distance; 0 disables
   */
  RecentRequests(double ratio) {
    this.ratio = ratio;
  }

  /** Returns whether a record is a near-duplicate of one with a recent label request. */
  boolean isCopy(float[] features) {
    if (distances == null || distances.count() < MIN_DISTANCES) {
      return false;
    }
    double radius = ratio * distances.quantile(0.5);
    return nearest(features, radius) < radius;
  }

  /** Adds a record with a label request; evicts the oldest record if the window is full. */
  void add(float[] features) {
    if (ratio == 0) {
      return;
    }
    int capacity = Math.max(1, Math.min(MAX_RECORDS, MAX_FLOATS / features.length));
    if (distances == null) {
      distances = new SortedWindow(capacity);
    }
    // the first distances are too long, with few neighbours; later ones soon replace them
    if (requests.size() < capacity || ++sinceFull % MEASURE_INTERVAL == 0) {
      distances.remember(nearest(features, Double.POSITIVE_INFINITY));
    }
    requests.add(new Request(features, norm(features)));
    if (requests.size() > capacity) {
      requests.remove();
    }
  }

  /**
   * Returns the distance to the nearest record, or {@code limit} if none is nearer than that. The
   * search starts with the latest record, because most near-duplicates follow each other closely.
   */
  double nearest(float[] features, double limit) {
    float norm = norm(features);
    float bound = (float) (limit * limit);
    float nearest = bound;
    for (Iterator<Request> latest = requests.descendingIterator(); latest.hasNext(); ) {
      Request other = latest.next();
      float difference = norm - other.norm; // a lower bound of the distance
      if (difference * difference < nearest) {
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
   * Returns the squared distance, with four accumulators for instruction-level parallelism.
   *
   * @param limit the computation may stop with a partial sum of at least this
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
