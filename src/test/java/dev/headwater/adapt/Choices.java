package dev.headwater.adapt;

import dev.headwater.scoring.Measure;
import dev.headwater.stream.selection.Ranked;
import dev.headwater.stream.selection.Selection;
import dev.headwater.stream.selection.TestSelector;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** What a simulated stream asks for: as Headwater does, and as others do at an equal budget. */
final class Choices {
  private Choices() {}

  static StreamSimulation.Choice of(Selection selection) {
    TestSelector selector = new TestSelector(selection);
    return (features, probabilities, audited) ->
        selector.unsure(features, selection.measure().confidence(probabilities), audited);
  }

  /** The least certain share of the records. */
  static StreamSimulation.Choice least(
      Measure measure, double share, double nearDuplicateDistance) {
    Ranked ranked = new Ranked(share, nearDuplicateDistance);
    return (features, probabilities, audited) ->
        ranked.unsure(features, measure.confidence(probabilities), audited);
  }

  static StreamSimulation.Choice random(double share, long seed) {
    Random random = new Random(seed * 7 + 3);
    return (features, probabilities, audited) -> random.nextDouble() < share;
  }

  /** What another run asked for of its own accord. */
  static StreamSimulation.Choice again(StreamSimulation.Report report) {
    Iterator<Boolean> unsure =
        IntStream.range(0, report.unsure().length).mapToObj(t -> report.unsure()[t]).iterator();
    return (features, probabilities, audited) -> unsure.next();
  }

  static StreamSimulation.Choice all() {
    return (features, probabilities, audited) -> true;
  }

  /**
   * Core-set (Sener and Savarese 2018) of a stream: their greedy k-centre takes what is farthest
   * from all that was taken, this the farthest share.
   */
  static StreamSimulation.Choice coreSet(double share) {
    Ranked ranked = new Ranked(share, 0);
    List<float[]> centres = new ArrayList<>();
    return (features, probabilities, audited) -> {
      double nearest = Double.POSITIVE_INFINITY;
      for (float[] centre : centres) {
        nearest = Math.min(nearest, squaredDistance(features, centre));
      }
      boolean asks = ranked.unsure(features, -nearest, audited);
      if (asks || audited) {
        centres.add(features);
      }
      return asks;
    };
  }

  private static double squaredDistance(float[] a, float[] b) {
    float sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return sum;
  }
}
