package dev.headwater.stream.selection;

import java.util.Arrays;

/** The last so many values, and any quantile of them at once. Not thread-safe. */
final class SortedWindow {
  private final double[] arrival;
  private final double[] sorted;
  private int count;
  private int next;

  SortedWindow(int size) {
    arrival = new double[size];
    sorted = new double[size];
  }

  int count() {
    return count;
  }

  /** Infinite beyond the greatest. */
  double quantile(double share) {
    int rank = (int) Math.floor(share * count);
    return rank < count ? sorted[rank] : Double.POSITIVE_INFINITY;
  }

  void remember(double value) {
    int at = insertion(value);
    if (count < arrival.length) {
      System.arraycopy(sorted, at, sorted, at + 1, count - at);
      count++;
    } else {
      int oldest = insertion(arrival[next]);
      if (at > oldest) {
        at--;
        System.arraycopy(sorted, oldest + 1, sorted, oldest, at - oldest);
      } else {
        System.arraycopy(sorted, at, sorted, at + 1, oldest - at);
      }
    }
    sorted[at] = value;
    arrival[next] = value;
    next = (next + 1) % arrival.length;
  }

  /** Where {@code value} is in the sorted ones, or belongs. */
  private int insertion(double value) {
    int at = Arrays.binarySearch(sorted, 0, count, value);
    return at < 0 ? -at - 1 : at;
  }
}
