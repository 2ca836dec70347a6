package dev.headwater.gate;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.function.ToDoubleBiFunction;

/**
 * What two heads said of the same samples, by label index, and a score of either's answers. The
 * answers to a sample can change sides. Not thread-safe.
 */
final class AnswerTable {
  /** Of one head's answers, each sample counting its weight; higher is better. */
  private interface Score {
    double of(int[] truth, int[] answers, double[] weights);
  }

  private final int[] truth;
  private final int[] live;
  private final int[] candidate;
  private final double[] weights;
  private final double[] bare;
  private final int[] differing;
  private final Score score;

  private AnswerTable(List<Trial> trials, Map<String, Integer> index, Score score) {
    truth = codes(index, trials, Trial::label);
    live = codes(index, trials, t -> String.valueOf(t.live()));
    candidate = codes(index, trials, Trial::candidate);
    weights = trials.stream().mapToDouble(Trial::weight).toArray();
    bare = new double[weights.length];
    Arrays.fill(bare, 1);
    differing =
        java.util.stream.IntStream.range(0, truth.length)
            .filter(i -> live[i] != candidate[i])
            .toArray();
    this.score = score;
  }

  /**
   * Minus the mean cost; {@code cost} is of a truth and an answer, and asked once for each answer:
   * who shuffles asks for the score thousands of times.
   */
  static AnswerTable scoredByCost(List<Trial> trials, ToDoubleBiFunction<String, String> cost) {
    Map<String, Integer> index = index(trials);
    int[] one = codes(index, trials, t -> String.valueOf(t.live()));
    double[] ofOne =
        trials.stream()
            .mapToDouble(t -> cost.applyAsDouble(t.label(), String.valueOf(t.live())))
            .toArray();
    double[] ofOther =
        trials.stream().mapToDouble(t -> cost.applyAsDouble(t.label(), t.candidate())).toArray();
    return new AnswerTable(
        trials,
        index,
        (truth, answers, weights) -> {
          double sum = 0;
          double all = 0;
          for (int i = 0; i < answers.length; i++) {
            sum += weights[i] * (answers[i] == one[i] ? ofOne[i] : ofOther[i]);
            all += weights[i];
          }
          return -sum / all;
        });
  }

  /** The mean F1 of the labels that are the truth of any sample. */
  static AnswerTable scoredByF1(List<Trial> trials) {
    Map<String, Integer> index = index(trials);
    return new AnswerTable(
        trials, index, (truth, answers, weights) -> f1(truth, answers, weights, index.size()));
  }

  private static double f1(int[] truth, int[] answers, double[] weights, int labels) {
    double[] right = new double[labels];
    double[] occurs = new double[labels];
    double[] said = new double[labels];
    for (int i = 0; i < truth.length; i++) {
      occurs[truth[i]] += weights[i];
      said[answers[i]] += weights[i];
      right[truth[i]] += truth[i] == answers[i] ? weights[i] : 0;
    }
    double sum = 0;
    int counted = 0;
    for (int c = 0; c < labels; c++) {
      if (occurs[c] > 0) {
        sum += 2 * right[c] / (occurs[c] + said[c]);
        counted++;
      }
    }
    return sum / counted;
  }

  /** Labels by index, in the order they first occur. */
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

  /** What the candidate's answers score above the live head's, each sample by its weight. */
  double gain() {
    return gain(weights);
  }

  /** As {@link #gain}, each sample counting one. */
  double bareGain() {
    return gain(bare);
  }

  private double gain(double[] by) {
    return truth.length == 0 ? 0 : score.of(truth, candidate, by) - score.of(truth, live, by);
  }

  /** Samples the heads answer differently. */
  int differing() {
    return differing.length;
  }

  /** Gives the answers to each sample to either head by the toss of a coin. */
  void shuffle(Random coin) {
    for (int i : differing) {
      if (coin.nextBoolean()) {
        int answer = live[i];
        live[i] = candidate[i];
        candidate[i] = answer;
      }
    }
  }
}
