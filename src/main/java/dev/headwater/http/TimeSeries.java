package dev.headwater.http;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Bounded time series with common timestamps. When full, every second point of the older half is
 * dropped, so that recent points are dense and the start is kept. Thread-safe.
 */
final class TimeSeries {
  private final int capacity;
  private final List<Long> times = new ArrayList<>();
  private final Map<String, List<@Nullable Double>> series = new LinkedHashMap<>();

  TimeSeries(int capacity) {
    this.capacity = capacity;
  }

  /**
   * Adds one point.
   *
   * @param values by name; missing and non-finite values are gaps
   */
  synchronized void add(long time, Map<String, Double> values) {
    if (times.size() == capacity) {
      thin();
    }
    values.keySet().forEach(name -> series.computeIfAbsent(name, n -> gaps(times.size())));
    times.add(time);
    series.forEach((name, points) -> points.add(finite(values.get(name))));
  }

  private static List<@Nullable Double> gaps(int count) {
    List<@Nullable Double> gaps = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      gaps.add(null);
    }
    return gaps;
  }

  private static @Nullable Double finite(@Nullable Double value) {
    return value != null && Double.isFinite(value) ? value : null;
  }

  private void thin() {
    thin(times);
    series.values().forEach(TimeSeries::thin);
  }

  private static <T extends @Nullable Object> void thin(List<T> points) {
    List<T> kept = new ArrayList<>();
    for (int i = 0; i < points.size(); i++) {
      if (i >= points.size() / 2 || i % 2 == 0) {
        kept.add(points.get(i));
      }
    }
    points.clear();
    points.addAll(kept);
  }

  synchronized List<Long> times() {
    return List.copyOf(times);
  }

  /** Returns the values by name, one per timestamp; null for a gap. */
  synchronized Map<String, Collection<@Nullable Double>> series() {
    Map<String, Collection<@Nullable Double>> copy = new LinkedHashMap<>();
    series.forEach((name, points) -> copy.put(name, new ArrayList<>(points)));
    return copy;
  }
}
