package dev.headwater.http;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Many values at the same moments, bounded: once full, every second moment of the older half goes,
 * so that the present is fine and the beginning is never lost. Thread-safe.
 */
final class TimeSeries {
  private final int capacity;
  private final List<Long> times = new ArrayList<>();
  private final Map<String, List<@Nullable Double>> series = new LinkedHashMap<>();

  TimeSeries(int capacity) {
    this.capacity = capacity;
  }

  /**
   * @param values by name; one that is not finite, or that is not there, is a gap
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

  /** By name, as long as the times; null where there is a gap. */
  synchronized Map<String, Collection<@Nullable Double>> series() {
    Map<String, Collection<@Nullable Double>> copy = new LinkedHashMap<>();
    series.forEach((name, points) -> copy.put(name, new ArrayList<>(points)));
    return copy;
  }
}
