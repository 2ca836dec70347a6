package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.Targets;
import dev.headwater.adapt.fit.Temperature;
import dev.headwater.bundle.Kind;
import dev.headwater.gate.Trial;
import dev.headwater.schema.Label;
import dev.headwater.schema.Scored;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Supervision for multi-label tasks: trained with binary cross-entropy, evaluated by Hamming loss
 * (the fraction of all labels that a prediction gets wrong).
 */
record LabelSetSupervision(Kind.LabelSet kind) implements Supervision {
  @Override
  public int leastLabels() {
    return 1;
  }

  @Override
  public Batch batch(List<Remembered> samples, List<String> labels, double balance) {
    double[] equal = new double[samples.size()];
    Arrays.fill(equal, 1);
    Map<String, Integer> index = Supervision.index(labels);
    List<float[]> rows = new ArrayList<>();
    for (Remembered sample : samples) {
      float[] row = new float[labels.size()];
      kind.names(sample.label()).forEach(name -> row[index.getOrDefault(name, -1)] = 1);
      rows.add(row);
    }
    return new Batch(
        samples.stream().map(Remembered::features).toList(),
        equal,
        new Targets(Targets.Loss.BINARY, rows));
  }

  /** Returns the predicted labels; their confidence is that of the least certain label. */
  @Override
  public Optional<Scored> answer(HeadOutput output) {
    double confidence = 1;
    for (float logit : output.logits()) {
      confidence = Math.min(confidence, 1 / (1 + Math.exp(-Math.abs(logit))));
    }
    return Optional.of(new Scored(Label.text(predicted(output)), confidence));
  }

  /**
   * Compares the Hamming losses. The live head never predicts a label that it does not know; with
   * no live head, no label is predicted. Where the record has a label unknown to the live head, the
   * trial counts for that label. This separates gains on new labels from losses on known ones.
   */
  @Override
  public Trial trial(Remembered sample, @Nullable HeadOutput live, HeadOutput candidate) {
    List<String> truth = kind.names(sample.label());
    List<String> known = live == null ? candidate.labels() : live.labels();
    String label =
        truth.stream().filter(name -> !known.contains(name)).findFirst().orElse(known.get(0));
    Set<String> all = new HashSet<>(candidate.labels());
    all.addAll(truth);
    double before = hammingLoss(all, truth, live == null ? List.of() : predicted(live));
    double gain = before - hammingLoss(all, truth, predicted(candidate));
    return new Trial(label, label, label, sample.weight(), gain);
  }

  private static double hammingLoss(
      Set<String> labels, List<String> truth, List<String> predicted) {
    Set<String> missed = new HashSet<>(truth);
    missed.removeAll(predicted);
    Set<String> spurious = new HashSet<>(predicted);
    spurious.removeAll(truth);
    spurious.retainAll(labels);
    return (double) (missed.size() + spurious.size()) / labels.size();
  }

  private static List<String> predicted(HeadOutput output) {
    List<String> predicted = new ArrayList<>();
    for (int c = 0; c < output.logits().length; c++) {
      if (output.logits()[c] > 0) {
        predicted.add(output.labels().get(c));
      }
    }
    return predicted;
  }

  /** Fits the temperature on each label of each record as a binary choice: its logit against 0. */
  @Override
  public double temperature(
      List<Remembered> heldOut, List<float[]> logits, Batch batch, int[] indexes) {
    List<float[]> choices = new ArrayList<>();
    List<Integer> targetClasses = new ArrayList<>();
    List<Double> weights = new ArrayList<>();
    Targets targets = batch.targets();
    for (int i = 0; i < indexes.length && targets != null; i++) {
      float[] row = targets.rows().get(indexes[i]);
      for (int c = 0; c < row.length; c++) {
        choices.add(new float[] {logits.get(i)[c], 0});
        targetClasses.add(row[c] > 0 ? 0 : 1);
        weights.add(heldOut.get(i).weight() / row.length); // a record's labels are not independent
      }
    }
    return Temperature.fit(
        choices,
        targetClasses.stream().mapToInt(Integer::intValue).toArray(),
        weights.stream().mapToDouble(Double::doubleValue).toArray());
  }
}
