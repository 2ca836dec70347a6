package dev.headwater.stream.selection;

import java.util.Arrays;

/** A sliding window of values with quantiles in constant time. Not thread-safe. */
final class SortedWindow {
  private final double[] arrivals;
  private final double[] sorted;
  private int count;
  private int next;

  SortedWindow(int size) {
    arrivals = new double[size];
    sorted = new double[size];
  }

  int count() {
    return count;
  }

  /** Returns a quantile; infinite if {@code share} is 1 or the window is empty. */
  double quantile(double share) {
    int rank = (int) Math.floor(share * count);
    return rank < count ? sorted[rank] : Double.POSITIVE_INFINITY;
  }

  /** Adds a value; evicts the oldest one if the window is full. */
  void remember(double value) {
    int at = insertionPoint(value);
    if (count < arrivals.length) {
      System.arraycopy(sorted, at, sorted, at + 1, count - at);
      count++;
    } else {
      int oldest = insertionPoint(arrivals[next]);
      if (at > oldest) {
        at--;
        System.arraycopy(sorted, oldest + 1, sorted, oldest, at - oldest);
      } else {
        System.arraycopy(sorted, at, sorted, at + 1, oldest - at);
      }
    }
    sorted[at] = value;
    arrivals[next] = value;
    next = (next + 1) % arrivals.length;
  }

  /** Returns the index of {@code value} in the sorted values, or where it would be inserted. */
  private int insertionPoint(double value) {
    int at = Arrays.binarySearch(sorted, 0, count, value);
    return at < 0 ? -at - 1 : at;
  }
}
