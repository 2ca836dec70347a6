package dev.headwater.gate;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/** Compares heads by the configured metric. */
final class Measure {
  private final Metric metric;
  private final Map<String, Double> costs;
  private final double maxCost;

  Measure(GateSettings settings) {
    this.metric = settings.metric();
    this.costs = settings.costs();
    this.maxCost = costs.values().stream().mapToDouble(c -> c).reduce(1, Math::max);
  }

  /** Compares two heads; masks always by IoU. */
  Comparison compare(List<Trial> trials) {
    if (Trial.ofMasks(trials)) {
      return new PairedTest(Overlap.pooled(trials));
    }
    return metric == Metric.ACCURACY ? new PairedTest(trials) : new RandomisedTest(table(trials));
  }

  /** Returns {@link Comparison#gain} without the cost of a test. */
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

  /** Returns the gain on one sample, relative to the most expensive error, in [-1, 1]. */
  double saved(Trial trial) {
    if (metric != Metric.COST || trial.overlap() != null) {
      return trial.gain();
    }
    return (loss(trial.label(), String.valueOf(trial.live()))
            - loss(trial.label(), trial.candidate()))
        / maxCost;
  }

  /** Returns the label with the lowest loss as a constant prediction for all samples. */
  String bestConstant(List<Trial> trials) {
    return trials.stream()
        .map(Trial::label)
        .collect(java.util.stream.Collectors.toCollection(TreeSet::new))
        .stream()
        .min(Comparator.comparingDouble(label -> loss(trials, label)))
        .orElse("");
  }

  /** Formats a gain with its sign, for example "+1.5 pt"; a gain in cost is a negative change. */
  String change(double gain) {
    double percent = 100 * (metric == Metric.COST ? -gain : gain) + 0.0; // 0.0 instead of -0.0
    String form =
        switch (metric) {
          case ACCURACY -> "%+.1f pt";
          case MACRO_F1 -> "macro-F1 %+.1f pt";
          case COST -> "cost %+.1f per 100 records";
        };
    return String.format(Locale.ROOT, form, percent);
  }

  /** Returns the name of the metric for messages. */
  String metricName() {
    return switch (metric) {
      case ACCURACY -> "accuracy";
      case MACRO_F1 -> "macro-F1";
      case COST -> "cost";
    };
  }

  private double loss(List<Trial> trials, String prediction) {
    return trials.stream().mapToDouble(t -> t.weight() * loss(t.label(), prediction)).sum();
  }

  private double loss(String truth, String prediction) {
    if (truth.equals(prediction)) {
      return 0;
    }
    return costs.isEmpty() ? 1 : costs.getOrDefault(truth + ">" + prediction, 1.0);
  }
}
