package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.Temperature;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.DoubleSummaryStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntFunction;

/**
 * Labelled samples, extended by unlabelled samples with pseudo-labels (self-training: Scudder 1965;
 * pseudo-labels: Lee 2013). Each head uses only its own confident predictions. Otherwise a fold
 * head would learn about its held-out samples from another one.
 *
 * @param batch the labelled samples, then the pseudo-labelled ones with weight 0
 * @param weightings sample weights over {@code batch}, one array per head
 * @param taken number of pseudo-labelled samples
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record SelfTraining(Batch batch, List<double[]> weightings, int taken) {
  /** Minimum probability of a pseudo-label. */
  private static final double MIN_CONFIDENCE = 0.9;

  private record PseudoLabel(int sample, int label) {}

  /**
   * Adds pseudo-labels from the predictions of each head.
   *
   * @param live head that training started from; without classes where there was none
   * @param heads one per weighting, fitted with it
   */
  static SelfTraining of(
      Batch batch,
      List<float[]> unlabelled,
      Fitter.Trained live,
      List<Fitter.Trained> heads,
      List<double[]> weightings) {
    return of(batch, unlabelled, live, weightings, h -> confident(heads.get(h).logits(unlabelled)));
  }

  /** Adds pseudo-labels from the live head, only for classes without labelled samples. */
  static SelfTraining withUnlabelled(
      Batch batch, List<float[]> unlabelled, Fitter.Trained live, List<double[]> weightings) {
    return of(batch, unlabelled, live, weightings, h -> Map.of());
  }

  private static SelfTraining of(
      Batch batch,
      List<float[]> unlabelled,
      Fitter.Trained live,
      List<double[]> weightings,
      IntFunction<Map<Integer, List<Integer>>> byHead) {
    if (unlabelled.isEmpty()) {
      return new SelfTraining(batch, weightings, 0);
    }
    Map<Integer, List<Integer>> byLive = confident(live.logits(unlabelled));
    Map<PseudoLabel, double[]> all = new LinkedHashMap<>();
    for (int h = 0; h < weightings.size(); h++) {
      Map<PseudoLabel, Double> weighted = weigh(batch, weightings.get(h), byHead.apply(h), byLive);
      for (Map.Entry<PseudoLabel, Double> one : weighted.entrySet()) {
        all.computeIfAbsent(one.getKey(), p -> new double[weightings.size()])[h] = one.getValue();
      }
    }
    return extended(batch, unlabelled, weightings, all);
  }

  /**
   * Returns the pseudo-labels with their weights, for one head.
   *
   * <p>A pseudo-labelled sample weighs as much as a labelled one of its class. All pseudo-labels of
   * a class together weigh no more than its labelled samples.
   *
   * <p>Classes without labelled samples use the confident predictions of the live head, with the
   * average weight of a labelled class. Without them the head would forget these classes, and no
   * labelled sample would show it.
   */
  private static Map<PseudoLabel, Double> weigh(
      Batch batch,
      double[] weights,
      Map<Integer, List<Integer>> byHead,
      Map<Integer, List<Integer>> byLive) {
    Map<Integer, DoubleSummaryStatistics> labelled = new TreeMap<>();
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0) {
        labelled
            .computeIfAbsent(batch.classes()[i], label -> new DoubleSummaryStatistics())
            .accept(weights[i]);
      }
    }
    DoubleSummaryStatistics all = new DoubleSummaryStatistics();
    labelled.values().forEach(all::combine);
    Map<PseudoLabel, Double> weighted = new LinkedHashMap<>();
    labelled.forEach(
        (label, stats) ->
            add(
                weighted,
                label,
                byHead.getOrDefault(label, List.of()),
                stats.getSum(),
                stats.getCount()));
    byLive.forEach(
        (label, samples) -> {
          if (!labelled.containsKey(label)) {
            double classes = labelled.size();
            add(weighted, label, samples, all.getSum() / classes, all.getCount() / classes);
          }
        });
    return weighted;
  }

  private static void add(
      Map<PseudoLabel, Double> weighted,
      int label,
      List<Integer> samples,
      double weight,
      double count) {
    double each = weight / Math.max(count, samples.size());
    samples.forEach(i -> weighted.put(new PseudoLabel(i, label), each));
  }

  /** Returns the indexes of confidently predicted samples, by label. */
  private static Map<Integer, List<Integer>> confident(List<float[]> logits) {
    Map<Integer, List<Integer>> byLabel = new TreeMap<>();
    for (int i = 0; i < logits.size(); i++) {
      if (logits.get(i).length > 0) {
        int label = Learner.best(logits.get(i));
        if (Math.exp(-Temperature.surprise(logits.get(i), label, 1)) >= MIN_CONFIDENCE) {
          byLabel.computeIfAbsent(label, l -> new ArrayList<>()).add(i);
        }
      }
    }
    return byLabel;
  }

  private static SelfTraining extended(
      Batch batch,
      List<float[]> unlabelled,
      List<double[]> weightings,
      Map<PseudoLabel, double[]> pseudoLabels) {
    int size = batch.size();
    List<float[]> features = new ArrayList<>(batch.features());
    int[] classes = Arrays.copyOf(batch.classes(), size + pseudoLabels.size());
    double[] weights = Arrays.copyOf(batch.weights(), size + pseudoLabels.size());
    List<double[]> extended =
        weightings.stream()
            .map(weighting -> Arrays.copyOf(weighting, size + pseudoLabels.size()))
            .toList();
    int at = size;
    for (Map.Entry<PseudoLabel, double[]> one : pseudoLabels.entrySet()) {
      features.add(unlabelled.get(one.getKey().sample()));
      classes[at] = one.getKey().label();
      for (int h = 0; h < extended.size(); h++) {
        extended.get(h)[at] = one.getValue()[h];
      }
      at++;
    }
    return new SelfTraining(new Batch(features, classes, weights), extended, pseudoLabels.size());
  }
}
