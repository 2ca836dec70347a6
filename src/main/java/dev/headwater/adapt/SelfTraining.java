package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Samples that nobody has labelled beside those that somebody has, under the label that a head is
 * sure of (Scudder 1965; as pseudo-labels Lee 2013). Each of several heads goes by what it says
 * itself: a fold's head must not learn from another's what it is to be judged by.
 *
 * @param weightings as many as heads, over {@code batch}
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record SelfTraining(Batch batch, List<double[]> weightings) {
  /** Probability of a label from which a head is sure of it. */
  private static final double SURE = 0.9;

  /** What a sample is taken for. */
  private record Taken(int sample, int label) {}

  /**
   * @param heads one for each weighting, fitted to it
   */
  static SelfTraining of(Batch batch, List<Fitter.Trained> heads, List<double[]> weightings) {
    Map<Taken, double[]> taken = new LinkedHashMap<>();
    for (int h = 0; h < heads.size(); h++) {
      List<float[]> said = heads.get(h).logits(batch.unlabelled());
      double[] typical = typical(batch, weightings.get(h), said.get(0).length);
      for (int i = 0; i < said.size(); i++) {
        int label = sure(said.get(i));
        if (label >= 0 && typical[label] > 0) {
          taken.computeIfAbsent(new Taken(i, label), t -> new double[heads.size()])[h] =
              typical[label];
        }
      }
    }
    return grown(batch, weightings, taken);
  }

  private static SelfTraining grown(
      Batch batch, List<double[]> weightings, Map<Taken, double[]> taken) {
    int size = batch.size();
    List<float[]> features = new ArrayList<>(batch.features());
    int[] classes = Arrays.copyOf(batch.classes(), size + taken.size());
    double[] weights = Arrays.copyOf(batch.weights(), size + taken.size());
    List<double[]> grown =
        weightings.stream().map(each -> Arrays.copyOf(each, size + taken.size())).toList();
    int at = size;
    for (Map.Entry<Taken, double[]> one : taken.entrySet()) {
      features.add(batch.unlabelled().get(one.getKey().sample()));
      classes[at] = one.getKey().label();
      for (int h = 0; h < grown.size(); h++) {
        grown.get(h)[at] = one.getValue()[h];
      }
      at++;
    }
    return new SelfTraining(new Batch(features, classes, weights), grown);
  }

  /** By class, what a labelled sample of it weighs on average; 0 where there is none. */
  private static double[] typical(Batch batch, double[] weights, int classes) {
    double[] sums = new double[classes];
    int[] counts = new int[classes];
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] > 0) {
        sums[batch.classes()[i]] += weights[i];
        counts[batch.classes()[i]]++;
      }
    }
    for (int c = 0; c < classes; c++) {
      sums[c] /= Math.max(1, counts[c]);
    }
    return sums;
  }

  private static int sure(float[] logits) {
    int best = Learner.best(logits);
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit - logits[best]);
    }
    return 1 / sum >= SURE ? best : -1;
  }
}
