package dev.headwater.bench;

import java.util.Arrays;
import java.util.Collection;
import java.util.List;

/** A measure over the rounds of a run. */
public record Spread(double median, double min, double max) {

  /** Of one round at least. */
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
   * Where the median of all rounds there could be lies, at 95 %: between two of these, by the sign
   * test, whatever their distribution; all of them, where they are too few to say.
   */
  static List<Double> ofMedian(Collection<Double> rounds) {
    List<Double> sorted = rounds.stream().sorted().toList();
    int left = 0;
    double term = Math.pow(0.5, sorted.size());
    for (double tail = term; 2 * tail <= 0.05; tail += term) {
      left++;
      term *= (double) (sorted.size() - left + 1) / left;
    }
    int out = Math.max(0, left - 1);
    return List.of(sorted.get(out), sorted.get(sorted.size() - 1 - out));
  }
}
