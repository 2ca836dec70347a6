package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Verdict;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The acceptance criteria of an alignment without labels. A candidate is accepted if
 *
 * <ul>
 *   <li>the clusters still correspond to the head's classes: they agree on most of the window;
 *   <li>at least one class has shifted as a whole ({@link Moves}), otherwise there is no gain;
 *   <li>its mean confidence on the window is not much lower than the anchor's, which would indicate
 *       classes that it no longer separates;
 *   <li>it does not collapse: it predicts about as many classes as the anchor.
 * </ul>
 *
 * <p>This rejects ill-posed alignments, but cannot detect wrong ones: see the risk in {@link
 * Aligner}.
 */
final class Guard {
  private static final double MIN_AGREEMENT = 0.6;
  private static final double MAX_CONFIDENCE_LOSS = 0.05;
  private static final double MIN_CLASS_RATIO = 0.5;

  private final double[][] probabilities;
  private final Map<String, Double> numbers = new TreeMap<>();
  private final double agreement;

  /**
   * @param probabilities [samples][classes] the anchor's probabilities
   */
  Guard(double[][] probabilities, Clustering clusters) {
    this.probabilities = probabilities;
    int agreeing = 0;
    for (int i = 0; i < probabilities.length; i++) {
      agreeing += clusters.label(i) == Directions.best(probabilities[i]) ? 1 : 0;
    }
    agreement = (double) agreeing / probabilities.length;
    numbers.put("window", (double) probabilities.length);
    numbers.put("agreement", agreement);
    numbers.put("confidence", confidence(probabilities));
    numbers.put("classesInUse", classesInUse(probabilities));
  }

  boolean agrees() {
    return agreement >= MIN_AGREEMENT;
  }

  Verdict disagrees() {
    return rejected(
        "clusters agree with the head on only %.0f %% of the samples (minimum %.0f %%)",
        100 * agreement, 100 * MIN_AGREEMENT);
  }

  Verdict still(Moves moves) {
    put(moves);
    return rejected("no class shift detected");
  }

  Verdict judge(LinearHead candidate, List<float[]> samples, Moves moves) {
    put(moves);
    if (!candidate.finite()) {
      return rejected("a weight is not finite");
    }
    double[][] candidateProbabilities = Aligner.opinion(candidate, samples);
    double confidenceLoss = confidence(probabilities) - confidence(candidateProbabilities);
    numbers.put("candidateConfidence", confidence(candidateProbabilities));
    numbers.put("candidateClassesInUse", classesInUse(candidateProbabilities));
    if (confidenceLoss > MAX_CONFIDENCE_LOSS) {
      return rejected(
          "the mean confidence of the candidate is lower by %.1f points", 100 * confidenceLoss);
    }
    if (classesInUse(candidateProbabilities) < MIN_CLASS_RATIO * classesInUse(probabilities)) {
      return rejected(
          "effective number of predicted classes: %.1f, down from %.1f",
          classesInUse(candidateProbabilities), classesInUse(probabilities));
    }
    return Verdict.of(
        Verdict.Cause.ALIGNED,
        format(
            "%.1f %% of the samples belong to shifted classes (no labels used)",
            100 * moves.moved()),
        0,
        numbers);
  }

  private void put(Moves moves) {
    numbers.put("moved", moves.moved());
    numbers.put("largestMove", moves.largest());
  }

  private Verdict rejected(String reason, Object... arguments) {
    return new Verdict(false, format(reason, arguments), 0, numbers);
  }

  static String format(String reason, Object... arguments) {
    return String.format(Locale.ROOT, reason, arguments);
  }

  private static double confidence(double[][] probabilities) {
    double sum = 0;
    for (double[] row : probabilities) {
      sum += row[Directions.best(row)];
    }
    return sum / probabilities.length;
  }

  /** Returns the perplexity of the predicted labels: n if n labels are equally frequent. */
  private static double classesInUse(double[][] probabilities) {
    int[] counts = new int[probabilities[0].length];
    for (double[] row : probabilities) {
      counts[Directions.best(row)]++;
    }
    double entropy = 0;
    for (int count : counts) {
      double fraction = (double) count / probabilities.length;
      entropy -= fraction > 0 ? fraction * Math.log(fraction) : 0;
    }
    return Math.exp(entropy);
  }
}
