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
 * Each record has any number of labels: binary cross-entropy, and a record's Hamming loss, the
 * share of all labels that an answer gets wrong.
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

  /** As sure as the least certain label is, of being told or of not being. */
  @Override
  public Optional<Scored> answer(Said said) {
    double least = 1;
    for (float logit : said.logits()) {
      least = Math.min(least, 1 / (1 + Math.exp(-Math.abs(logit))));
    }
    return Optional.of(new Scored(Label.text(told(said)), least));
  }

  /**
   * A label that the live head does not know is one it does not tell; with no head live, none is
   * told. The trial is of such a label where the record has one: what a candidate gains by knowing
   * more is told apart from what it loses of the rest.
   */
  @Override
  public Trial trial(Remembered sample, @Nullable Said live, Said candidate) {
    List<String> truth = kind.names(sample.label());
    List<String> known = live == null ? candidate.labels() : live.labels();
    String about =
        truth.stream().filter(name -> !known.contains(name)).findFirst().orElse(known.get(0));
    Set<String> all = new HashSet<>(candidate.labels());
    all.addAll(truth);
    double before = live == null ? wrong(all, truth, List.of()) : wrong(all, truth, told(live));
    double gain = before - wrong(all, truth, told(candidate));
    return new Trial(about, about, about, sample.weight(), gain);
  }

  private static double wrong(Set<String> labels, List<String> truth, List<String> told) {
    Set<String> missed = new HashSet<>(truth);
    missed.removeAll(told);
    Set<String> invented = new HashSet<>(told);
    invented.removeAll(truth);
    invented.retainAll(labels);
    return (double) (missed.size() + invented.size()) / labels.size();
  }

  private static List<String> told(Said said) {
    List<String> told = new ArrayList<>();
    for (int c = 0; c < said.logits().length; c++) {
      if (said.logits()[c] > 0) {
        told.add(said.labels().get(c));
      }
    }
    return told;
  }

  /** Each label of each record is a choice between its logit and 0. */
  @Override
  public double temperature(
      List<Remembered> leftOut, List<float[]> said, Batch batch, int[] indexes) {
    List<float[]> choices = new ArrayList<>();
    List<Integer> right = new ArrayList<>();
    List<Double> weights = new ArrayList<>();
    Targets targets = batch.targets();
    for (int i = 0; i < indexes.length && targets != null; i++) {
      float[] row = targets.rows().get(indexes[i]);
      for (int c = 0; c < row.length; c++) {
        choices.add(new float[] {said.get(i)[c], 0});
        right.add(row[c] > 0 ? 0 : 1);
        weights.add(leftOut.get(i).weight() / row.length); // a record's labels are not independent
      }
    }
    return Temperature.fit(
        choices,
        right.stream().mapToInt(Integer::intValue).toArray(),
        weights.stream().mapToDouble(Double::doubleValue).toArray());
  }
}
