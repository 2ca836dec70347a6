package dev.headwater.gate;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** The configured metric, and how heads are compared by it. */
final class Measure {
  private final Metric metric;
  private final Map<String, Double> costs;

  Measure(GateSettings settings) {
    this.metric = settings.metric();
    this.costs = settings.costs();
  }

  /** Masks are compared by their IoU, whatever the metric is of labels. */
  Comparison compare(List<Trial> trials) {
    if (Trial.ofMasks(trials)) {
      return new PairedTest(Overlap.pooled(trials));
    }
    return metric == Metric.ACCURACY ? new PairedTest(trials) : new RandomisedTest(table(trials));
  }

  /** As {@link Comparison#gain}, for less. */
  double gain(List<Trial> trials) {
    if (Trial.ofMasks(trials)) {
      return new PairedTest(Overlap.pooled(trials)).gain();
    }
    return metric == Metric.ACCURACY ? new PairedTest(trials).gain() : table(trials).gain();
  }

  private AnswerTable table(List<Trial> trials) {
    return metric == Metric.COST
        ? AnswerTable.scoredByCost(trials, this::loss)
        : AnswerTable.scoredByF1(trials);
  }

  /** What the candidate saves on one sample, as a share of the dearest error, in [-1, 1]. */
  double saved(Trial trial) {
    if (trial.overlap() != null) {
      return trial.gain();
    }
    double dearest = costs.values().stream().mapToDouble(c -> c).reduce(1, Math::max);
    return (loss(trial.label(), String.valueOf(trial.live()))
            - loss(trial.label(), trial.candidate()))
        / dearest;
  }

  /** The one answer that does best when given to every sample. */
  String bestConstant(List<Trial> trials) {
    return trials.stream()
        .map(Trial::label)
        .collect(java.util.stream.Collectors.toCollection(TreeSet::new))
        .stream()
        .min(Comparator.comparingDouble(answer -> loss(trials, answer)))
        .orElse("");
  }

  /** A change of this size in words. */
  String amount(double change) {
    String form =
        switch (metric) {
          case ACCURACY -> "%.1f points";
          case MACRO_F1 -> "%.1f points of macro-F1";
          case COST -> "%.1f of cost in 100 records";
        };
    return String.format(Locale.ROOT, form, 100 * change);
  }

  private double loss(List<Trial> trials, String answer) {
    return trials.stream().mapToDouble(t -> t.weight() * loss(t.label(), answer)).sum();
  }

  private double loss(String truth, String answer) {
    return truth.equals(answer) ? 0 : costs.getOrDefault(truth + ">" + answer, 1.0);
  }
}
