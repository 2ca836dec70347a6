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
 * Samples that nobody has labelled beside those that somebody has, under the label that a head is
 * sure of (Scudder 1965; as pseudo-labels Lee 2013). Each of several heads goes by what it says
 * itself: a fold's head must not learn from another's what it is to be judged by.
 *
 * @param batch what is labelled, then what is taken to be, which by itself weighs nothing
 * @param weightings over {@code batch}, one for each head
 * @param taken how many are taken to have a label
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record SelfTraining(Batch batch, List<double[]> weightings, int taken) {
  /** Probability of a label from which a head is sure of it. */
  private static final double SURE = 0.9;

  /** What a sample is taken for. */
  private record Taken(int sample, int label) {}

  /**
   * @param live what the heads were fitted from; without classes where there was nothing
   * @param heads one for each weighting, fitted to it
   */
  static SelfTraining of(
      Batch batch,
      List<float[]> unlabelled,
      Fitter.Trained live,
      List<Fitter.Trained> heads,
      List<double[]> weightings) {
    return of(batch, unlabelled, live, weightings, h -> sure(heads.get(h).logits(unlabelled)));
  }

  /** Of classes that nobody was told of only, by the live head's word. */
  static SelfTraining ofUntold(
      Batch batch, List<float[]> unlabelled, Fitter.Trained live, List<double[]> weightings) {
    return of(batch, unlabelled, live, weightings, h -> Map.of());
  }

  private static SelfTraining of(
      Batch batch,
      List<float[]> unlabelled,
      Fitter.Trained live,
      List<double[]> weightings,
      IntFunction<Map<Integer, List<Integer>>> sure) {
    if (unlabelled.isEmpty()) {
      return new SelfTraining(batch, weightings, 0);
    }
    Map<Integer, List<Integer>> before = sure(live.logits(unlabelled));
    Map<Taken, double[]> all = new LinkedHashMap<>();
    for (int h = 0; h < weightings.size(); h++) {
      Map<Taken, Double> taken = taken(batch, weightings.get(h), sure.apply(h), before);
      for (Map.Entry<Taken, Double> one : taken.entrySet()) {
        all.computeIfAbsent(one.getKey(), t -> new double[weightings.size()])[h] = one.getValue();
      }
    }
    return grown(batch, unlabelled, weightings, all);
  }

  /**
   * Each weighs what a labelled sample of its class does, but all of a class no more than those do
   * together: what is told outweighs what is guessed, however much there is of it. Of a class that
   * nobody was told of, it is what the live head was sure of, as much as of one told on average:
   * who is taught some classes only would forget the others, and no sample would show it.
   */
  private static Map<Taken, Double> taken(
      Batch batch,
      double[] weights,
      Map<Integer, List<Integer>> sure,
      Map<Integer, List<Integer>> before) {
    Map<Integer, DoubleSummaryStatistics> told = new TreeMap<>();
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0) {
        told.computeIfAbsent(batch.classes()[i], label -> new DoubleSummaryStatistics())
            .accept(weights[i]);
      }
    }
    DoubleSummaryStatistics all = new DoubleSummaryStatistics();
    told.values().forEach(all::combine);
    Map<Taken, Double> taken = new LinkedHashMap<>();
    told.forEach(
        (label, by) ->
            take(taken, label, sure.getOrDefault(label, List.of()), by.getSum(), by.getCount()));
    before.forEach(
        (label, samples) -> {
          if (!told.containsKey(label)) {
            double of = told.size();
            take(taken, label, samples, all.getSum() / of, all.getCount() / of);
          }
        });
    return taken;
  }

  private static void take(
      Map<Taken, Double> taken, int label, List<Integer> samples, double weight, double count) {
    double each = weight / Math.max(count, samples.size());
    samples.forEach(i -> taken.put(new Taken(i, label), each));
  }

  /** By label, those that a head is sure to have it. */
  private static Map<Integer, List<Integer>> sure(List<float[]> said) {
    Map<Integer, List<Integer>> byLabel = new TreeMap<>();
    for (int i = 0; i < said.size(); i++) {
      if (said.get(i).length > 0) {
        int label = Learner.best(said.get(i));
        if (Math.exp(-Temperature.surprise(said.get(i), label, 1)) >= SURE) {
          byLabel.computeIfAbsent(label, l -> new ArrayList<>()).add(i);
        }
      }
    }
    return byLabel;
  }

  private static SelfTraining grown(
      Batch batch,
      List<float[]> unlabelled,
      List<double[]> weightings,
      Map<Taken, double[]> taken) {
    int size = batch.size();
    List<float[]> features = new ArrayList<>(batch.features());
    int[] classes = Arrays.copyOf(batch.classes(), size + taken.size());
    double[] weights = Arrays.copyOf(batch.weights(), size + taken.size());
    List<double[]> grown =
        weightings.stream().map(each -> Arrays.copyOf(each, size + taken.size())).toList();
    int at = size;
    for (Map.Entry<Taken, double[]> one : taken.entrySet()) {
      features.add(unlabelled.get(one.getKey().sample()));
      classes[at] = one.getKey().label();
      for (int h = 0; h < grown.size(); h++) {
        grown.get(h)[at] = one.getValue()[h];
      }
      at++;
    }
    return new SelfTraining(new Batch(features, classes, weights), grown, taken.size());
  }
}
