package dev.headwater.http;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** The latest of what a histogram that counts from the beginning has counted. Not thread-safe. */
final class Recent {
  private final int looks;
  private final Deque<double[]> counts = new ArrayDeque<>();
  private double[] bounds = {};

  /**
   * @param looks back that the latest reaches
   */
  Recent(int looks) {
    this.looks = looks;
  }

  /**
   * @param upper bounds of the buckets, ascending
   * @param now what each has counted since the beginning
   */
  void add(double[] upper, double[] now) {
    bounds = upper;
    if (counts.isEmpty()) {
      counts.addLast(new double[now.length]);
    }
    counts.addLast(now);
    if (counts.size() > looks + 1) {
      counts.removeFirst();
    }
  }

  private double[] latest() {
    double[] from = counts.getFirst();
    double[] to = counts.getLast();
    return IntStream.range(0, to.length).mapToDouble(i -> to[i] - from[i]).toArray();
  }

  /** Within its bucket as if all were spread evenly; NaN where nothing was counted. */
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

  /** Upper bounds, with the counts below each and above the one before. */
  Map<String, List<Double>> buckets() {
    return Map.of("bounds", list(bounds), "latest", list(latest()), "all", list(counts.getLast()));
  }

  private static List<Double> list(double[] values) {
    return Arrays.stream(values).boxed().toList();
  }
}
