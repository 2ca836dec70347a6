package dev.headwater.http;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The most recent window of a cumulative histogram. Not thread-safe. */
final class Recent {
  private final int window;
  private final Deque<double[]> counts = new ArrayDeque<>();
  private double[] bounds = {};

  /**
   * @param window length of the window, in snapshots
   */
  Recent(int window) {
    this.window = window;
  }

  /**
   * Adds a snapshot.
   *
   * @param upper upper bounds of the buckets, ascending
   * @param now cumulative count of each bucket since the start
   */
  void add(double[] upper, double[] now) {
    bounds = upper;
    if (counts.isEmpty()) {
      counts.addLast(new double[now.length]);
    }
    counts.addLast(now);
    if (counts.size() > window + 1) {
      counts.removeFirst();
    }
  }

  private double[] latest() {
    double[] from = counts.getFirst();
    double[] to = counts.getLast();
    return IntStream.range(0, to.length).mapToDouble(i -> to[i] - from[i]).toArray();
  }

  /** Returns a quantile of the window, interpolated within a bucket; NaN if the window is empty. */
  double quantile(double share) {
    double[] latest = latest();
    double rest = share * IntStream.range(0, latest.length).mapToDouble(i -> latest[i]).sum();
    for (int i = 0; i < latest.length; i++) {
      if (latest[i] > 0 && rest <= latest[i]) {
        double below = i == 0 ? 0 : bounds[i - 1];
        return below + (bounds[i] - below) * rest / latest[i];
      }
      rest -= latest[i];
    }
    return Double.NaN;
  }

  /** Returns the upper bounds and the count per bucket, in the window and since the start. */
  Map<String, List<Double>> buckets() {
    return Map.of("bounds", list(bounds), "latest", list(latest()), "all", list(counts.getLast()));
  }

  private static List<Double> list(double[] values) {
    return Arrays.stream(values).boxed().toList();
  }
}
