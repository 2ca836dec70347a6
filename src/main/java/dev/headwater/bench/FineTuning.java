package dev.headwater.bench;

import dev.headwater.adapt.AdaptSettings;
import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.LinearHead;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Fine-tunes the head of the bundle like a training: once without each fold, for the gate, and once
 * on all samples. Uses all cores.
 */
final class FineTuning {
  private static final int SAMPLES = 10_000;

  private final FineTuner tuner;
  private final int folds;
  private final LinearHead own;
  private final Batch batch;
  private final int classes;

  /**
   * Prepares the training.
   *
   * @param labels labels of the head, by index
   * @param features features of the distinct records
   * @param truths labels of the distinct records
   */
  FineTuning(
      AdaptSettings settings,
      LinearHead own,
      List<String> labels,
      List<float[]> features,
      List<String> truths) {
    FitSettings fit = settings.fit();
    this.tuner =
        new FineTuner(
            new FitSettings(
                fit.device(),
                Runtime.getRuntime().availableProcessors(),
                fit.pull(),
                fit.iterations(),
                fit.tailSteps()),
            true);
    this.folds = settings.folds();
    this.own = own;
    List<String> known = new ArrayList<>(labels);
    truths.stream().filter(label -> !labels.contains(label)).distinct().forEach(known::add);
    classes = known.size();
    int[] indexes = IntStream.range(0, SAMPLES).map(i -> i % features.size()).toArray();
    double[] weights = new double[SAMPLES];
    Arrays.fill(weights, 1);
    batch =
        new Batch(
            Arrays.stream(indexes).mapToObj(features::get).toList(),
            Arrays.stream(indexes).map(i -> known.indexOf(truths.get(i))).toArray(),
            weights);
  }

  int classes() {
    return classes;
  }

  /** Returns the seconds of one training, without loading PyTorch. */
  double seconds() {
    tuner.warmUp(own.dim());
    List<double[]> weightings = new ArrayList<>();
    for (int fold = 0; fold < folds; fold++) {
      double[] weights = batch.weights().clone();
      for (int i = fold; i < weights.length; i += folds) {
        weights[i] = 0;
      }
      weightings.add(weights);
    }
    weightings.add(batch.weights());
    long start = System.nanoTime();
    tuner.fit(own, classes, batch, weightings);
    return (System.nanoTime() - start) / 1e9;
  }
}
