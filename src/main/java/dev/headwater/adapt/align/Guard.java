package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Verdict;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Decides on an alignment where no label does. It lets one through if
 *
 * <ul>
 *   <li>the clusters still are the head's classes: they agree on most of the window;
 *   <li>some class has moved in a body ({@link Moves}): without one there is nothing to gain;
 *   <li>the candidate is about as sure of the window as the anchor was: classes it lost hold of
 *       would show as doubt;
 *   <li>it does not collapse: about as many classes are in use.
 * </ul>
 *
 * <p>This keeps out what is ill-posed, not what is wrong: see the risk in {@link Aligner}.
 */
final class Guard {
  private static final double AGREEMENT = 0.6;
  private static final double CONFIDENCE_LOSS = 0.05;
  private static final double CLASSES_KEPT = 0.5;

  private final double[][] opinion;
  private final Map<String, Double> numbers = new TreeMap<>();
  private final double agreement;

  /**
   * @param opinion [samples][classes] the anchor's probabilities
   */
  Guard(double[][] opinion, Clustering clusters) {
    this.opinion = opinion;
    int agreed = 0;
    for (int i = 0; i < opinion.length; i++) {
      agreed += clusters.label(i) == Directions.best(opinion[i]) ? 1 : 0;
    }
    agreement = (double) agreed / opinion.length;
    numbers.put("window", (double) opinion.length);
    numbers.put("agreement", agreement);
    numbers.put("confidence", confidence(opinion));
    numbers.put("classesInUse", classesInUse(opinion));
  }

  boolean agrees() {
    return agreement >= AGREEMENT;
  }

  Verdict disagrees() {
    return refused(
        "clusters agree with the head on %.0f %% of the samples, fewer than %.0f %%: no label, no telling which of them is which",
        100 * agreement, 100 * AGREEMENT);
  }

  Verdict still(Moves moves) {
    put(moves);
    return refused("no class has moved in a body");
  }

  Verdict judge(LinearHead candidate, List<float[]> samples, Moves moves) {
    put(moves);
    if (!candidate.finite()) {
      return refused("a weight is not finite");
    }
    double[][] now = Aligner.opinion(candidate, samples);
    double lost = confidence(opinion) - confidence(now);
    numbers.put("candidateConfidence", confidence(now));
    numbers.put("candidateClassesInUse", classesInUse(now));
    if (lost > CONFIDENCE_LOSS) {
      return refused("the candidate is less sure by %.1f points", 100 * lost);
    }
    if (classesInUse(now) < CLASSES_KEPT * classesInUse(opinion)) {
      return refused(
          "the candidate uses %.1f classes where %.1f were in use",
          classesInUse(now), classesInUse(opinion));
    }
    return Verdict.of(
        Verdict.Cause.ALIGNED,
        format(
            "%.1f %% of the samples are of classes that moved in a body; no label was asked",
            100 * moves.moved()),
        0,
        numbers);
  }

  private void put(Moves moves) {
    numbers.put("moved", moves.moved());
    numbers.put("largestMove", moves.largest());
  }

  private Verdict refused(String reason, Object... arguments) {
    return new Verdict(false, format(reason, arguments), 0, numbers);
  }

  static String format(String reason, Object... arguments) {
    return String.format(Locale.ROOT, reason, arguments);
  }

  private static double confidence(double[][] opinion) {
    double sum = 0;
    for (double[] row : opinion) {
      sum += row[Directions.best(row)];
    }
    return sum / opinion.length;
  }

  /** Perplexity of the predicted labels: n where n are equally frequent. */
  private static double classesInUse(double[][] opinion) {
    int[] counts = new int[opinion[0].length];
    for (double[] row : opinion) {
      counts[Directions.best(row)]++;
    }
    double entropy = 0;
    for (int count : counts) {
      double share = (double) count / opinion.length;
      entropy -= share > 0 ? share * Math.log(share) : 0;
    }
    return Math.exp(entropy);
  }
}
