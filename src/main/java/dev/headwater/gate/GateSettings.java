package dev.headwater.gate;

import java.util.Map;

/**
 * The acceptance rule of the gate.
 *
 * @param errorRate significance level of each of the two tests (predictions, likelihood), in (0,
 *     0.5): the fraction of candidates not better than the live head that it accepts, averaged over
 *     the possible numbers of samples on which the heads differ
 * @param margin non-inferiority margin, in weighted accuracy, for candidates with more labels
 * @param classLoss maximum loss of weighted F1 of any label with enough samples; half of it is the
 *     limit for all known labels together
 * @param classTrials minimum samples to evaluate a label alone; rarer labels are pooled
 * @param trials minimum samples to evaluate a candidate
 * @param metric the metric that must improve; losses by label are always measured in F1
 * @param costs cost of an error, by {@code truth>predicted}; 1 by default
 * @param recallFloor minimum recall by label
 */
public record GateSettings(
    double errorRate,
    double margin,
    double classLoss,
    int classTrials,
    int trials,
    Metric metric,
    Map<String, Double> costs,
    Map<String, Double> recallFloor) {
  /** Defaults chosen by backtests; see docs/design/gate.md. */
  public static final GateSettings DEFAULT =
      new GateSettings(0.15, 0.005, 0.1, 20, 10, Metric.ACCURACY, Map.of(), Map.of());

  public GateSettings {
    require(
        errorRate > 0 && errorRate < 0.5, "gate significance level must be in (0, 0.5)", errorRate);
    require(margin >= 0 && margin < 1, "gate margin must be in [0, 1)", margin);
    require(classLoss >= 0 && classLoss <= 1, "gate class loss must be in [0, 1]", classLoss);
    require(classTrials >= 1, "gate class min samples must be at least 1", classTrials);
    require(trials >= 1, "gate min samples must be at least 1", trials);
    costs = Map.copyOf(costs);
    recallFloor = Map.copyOf(recallFloor);
    require(
        costs.isEmpty() || metric == Metric.COST,
        "gate costs require the metric cost; with another metric none may be set",
        costs.size());
    costs.forEach(
        (error, cost) -> {
          require(
              cost >= 0 && Double.isFinite(cost), "cost of " + error + " must be at least 0", cost);
          require(
              error.indexOf('>') > 0 && !error.endsWith(">"),
              "cost of " + error + " must have a key of the form truth>predicted",
              cost);
        });
    recallFloor.forEach(
        (label, floor) ->
            require(
                floor >= 0 && floor <= 1,
                "recall floor of " + label + " must be in [0, 1]",
                floor));
  }

  /** Returns the settings for tasks without a single label, which have no label metrics. */
  public GateSettings withoutLabels() {
    return new GateSettings(
        errorRate, margin, classLoss, classTrials, trials, Metric.ACCURACY, Map.of(), Map.of());
  }

  private static void require(boolean holds, String message, double actual) {
    if (!holds) {
      throw new IllegalArgumentException(message + ", got " + actual);
    }
  }
}
