package dev.headwater.gate;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.function.ToDoubleBiFunction;

/**
 * The predictions of two heads for the same samples, by label index, with a score for each head.
 * The predictions for a sample can be swapped between the heads. Not thread-safe.
 */
final class AnswerTable {
  /** Scores the weighted predictions of one head; higher is better. */
  private interface Score {
    double of(int[] truth, int[] predictions, double[] weights);
  }

  private final int[] truth;
  private final int[] live;
  private final int[] candidate;
  private final double[] weights;
  private final double[] unweighted;
  private final int[] differing;
  private final Score score;

  private AnswerTable(List<Trial> trials, Map<String, Integer> index, Score score) {
    truth = codes(index, trials, Trial::label);
    live = codes(index, trials, t -> String.valueOf(t.live()));
    candidate = codes(index, trials, Trial::candidate);
    weights = trials.stream().mapToDouble(Trial::weight).toArray();
    unweighted = new double[weights.length];
    Arrays.fill(unweighted, 1);
    differing =
        java.util.stream.IntStream.range(0, truth.length)
            .filter(i -> live[i] != candidate[i])
            .toArray();
    this.score = score;
  }

  /**
   * Creates a table scored by the negative mean cost. {@code cost} maps a label and a prediction to
   * a cost. It is evaluated once per prediction, because a test computes the score thousands of
   * times.
   */
  static AnswerTable scoredByCost(List<Trial> trials, ToDoubleBiFunction<String, String> cost) {
    Map<String, Integer> index = index(trials);
    int[] liveCodes = codes(index, trials, t -> String.valueOf(t.live()));
    double[] liveCosts =
        trials.stream()
            .mapToDouble(t -> cost.applyAsDouble(t.label(), String.valueOf(t.live())))
            .toArray();
    double[] candidateCosts =
        trials.stream().mapToDouble(t -> cost.applyAsDouble(t.label(), t.candidate())).toArray();
    return new AnswerTable(
        trials,
        index,
        (truth, predictions, weights) -> {
          double sum = 0;
          double total = 0;
          for (int i = 0; i < predictions.length; i++) {
            sum += weights[i] * (predictions[i] == liveCodes[i] ? liveCosts[i] : candidateCosts[i]);
            total += weights[i];
          }
          return -sum / total;
        });
  }

  /** Creates a table scored by the mean F1 of the labels that occur as ground truth. */
  static AnswerTable scoredByF1(List<Trial> trials) {
    Map<String, Integer> index = index(trials);
    return new AnswerTable(
        trials,
        index,
        (truth, predictions, weights) -> f1(truth, predictions, weights, index.size()));
  }

  private static double f1(int[] truth, int[] predictions, double[] weights, int labels) {
    double[] correct = new double[labels];
    double[] actual = new double[labels];
    double[] predicted = new double[labels];
    for (int i = 0; i < truth.length; i++) {
      actual[truth[i]] += weights[i];
      predicted[predictions[i]] += weights[i];
      correct[truth[i]] += truth[i] == predictions[i] ? weights[i] : 0;
    }
    double sum = 0;
    int counted = 0;
    for (int c = 0; c < labels; c++) {
      if (actual[c] > 0) {
        sum += 2 * correct[c] / (actual[c] + predicted[c]);
        counted++;
      }
    }
    return sum / counted;
  }

  /** Assigns an index to each label, in order of first occurrence. */
  private static Map<String, Integer> index(List<Trial> trials) {
    Map<String, Integer> index = new LinkedHashMap<>();
    for (Trial trial : trials) {
      for (String label : List.of(trial.label(), String.valueOf(trial.live()), trial.candidate())) {
        index.putIfAbsent(label, index.size());
      }
    }
    return index;
  }

  private static int[] codes(
      Map<String, Integer> index, List<Trial> trials, Function<Trial, String> label) {
    return trials.stream().mapToInt(t -> index.getOrDefault(label.apply(t), -1)).toArray();
  }

  /** Returns the weighted score of the candidate minus that of the live head. */
  double gain() {
    return gain(weights);
  }

  /** As {@link #gain}, with weight 1 for each sample. */
  double bareGain() {
    return gain(unweighted);
  }

  private double gain(double[] sampleWeights) {
    return truth.length == 0
        ? 0
        : score.of(truth, candidate, sampleWeights) - score.of(truth, live, sampleWeights);
  }

  /** Returns the number of samples with different predictions. */
  int differing() {
    return differing.length;
  }

  /** Swaps the predictions for each sample between the heads with probability 1/2. */
  void shuffle(Random coin) {
    for (int i : differing) {
      if (coin.nextBoolean()) {
        int swapped = live[i];
        live[i] = candidate[i];
        candidate[i] = swapped;
      }
    }
  }
}
