package dev.headwater.bench;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** Median and range of a measure over rounds. */
public record Spread(double median, double min, double max) {

  /** Returns the spread over at least one round. */
  static Spread of(Collection<Double> rounds) {
    double[] sorted = rounds.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int middle = sorted.length / 2;
    double median =
        sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return new Spread(median, sorted[0], sorted[sorted.length - 1]);
  }

  static Spread of(double... rounds) {
    return of(Arrays.stream(rounds).boxed().toList());
  }

  /**
   * Returns the 95 % confidence interval of the median, by the sign test, for any distribution.
   * With too few rounds it returns the whole range.
   */
  static List<Double> ofMedian(Collection<Double> rounds) {
    List<Double> sorted = rounds.stream().sorted().toList();
    int count = 0;
    double term = Math.pow(0.5, sorted.size());
    for (double tail = term; 2 * tail <= 0.05; tail += term) {
      count++;
      term *= (double) (sorted.size() - count + 1) / count;
    }
    int rank = Math.max(0, count - 1);
    return List.of(sorted.get(rank), sorted.get(sorted.size() - 1 - rank));
  }
}
