package dev.headwater.gate;

import java.util.Map;

/**
 * When a candidate passes.
 *
 * @param errorRate share of candidates no better than the live head that each of a judgement's two
 *     tests (of answers, of likelihood) may let through, over all numbers of samples on which the
 *     two differ, in (0, 0.5)
 * @param margin of weighted accuracy that a candidate which knows more labels may surely not lose
 * @param classLoss of weighted F1 that no label with {@code classTrials} trials may lose, nor half
 *     of it the labels known before together
 * @param classTrials below it a label is judged together with the others like it
 * @param trials below it nothing is judged
 * @param metric what better means; losses by label are of F1, whatever it is
 * @param costs of an error, by {@code truth>predicted}; 1 where none is given
 * @param recallFloor least share of a label's records to be told, by label
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
  /** Chosen by replay: see RATIONALE.md beside this class. */
  public static final GateSettings DEFAULT =
      new GateSettings(0.15, 0.005, 0.1, 20, 10, Metric.ACCURACY, Map.of(), Map.of());

  public GateSettings {
    require(errorRate > 0 && errorRate < 0.5, "gate error rate must be in (0, 0.5)", errorRate);
    require(margin >= 0 && margin < 1, "gate margin must be in [0, 1)", margin);
    require(classLoss >= 0 && classLoss <= 1, "gate class loss must be in [0, 1]", classLoss);
    require(classTrials >= 1, "gate class trials must be at least 1", classTrials);
    require(trials >= 1, "gate trials must be at least 1", trials);
    costs = Map.copyOf(costs);
    recallFloor = Map.copyOf(recallFloor);
    require(
        costs.isEmpty() || metric == Metric.COST,
        "gate costs are for the metric cost; so many are given with another",
        costs.size());
    costs.forEach(
        (error, cost) -> {
          require(
              cost >= 0 && Double.isFinite(cost), "cost of " + error + " must be at least 0", cost);
          require(
              error.indexOf('>') > 0 && !error.endsWith(">"),
              "cost of " + error + " must be of truth>predicted",
              cost);
        });
    recallFloor.forEach(
        (label, floor) ->
            require(
                floor >= 0 && floor <= 1,
                "recall floor of " + label + " must be in [0, 1]",
                floor));
  }

  /** The same for tasks that tell no single label. */
  public GateSettings withoutLabels() {
    return new GateSettings(
        errorRate, margin, classLoss, classTrials, trials, Metric.ACCURACY, Map.of(), Map.of());
  }

  private static void require(boolean holds, String message, double got) {
    if (!holds) {
      throw new IllegalArgumentException(message + ", got " + got);
    }
  }
}
