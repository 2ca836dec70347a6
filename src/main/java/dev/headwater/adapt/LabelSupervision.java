package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.Temperature;
import dev.headwater.gate.Trial;
import dev.headwater.schema.Scored;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Each record has one label: cross-entropy, and which answers are right. */
record LabelSupervision() implements Supervision {
  /** In nats: a probability of less than 1 %. One sample must not outweigh all others. */
  private static final double MOST_SURPRISE = 5;

  @Override
  public int leastLabels() {
    return 2;
  }

  @Override
  public Batch batch(List<Remembered> samples, List<String> labels, double balance) {
    Map<String, Integer> index = Supervision.index(labels);
    int[] classes = samples.stream().mapToInt(s -> index.getOrDefault(s.label(), -1)).toArray();
    int[] counts = new int[labels.size()];
    for (int c : classes) {
      counts[c]++;
    }
    double[] weights =
        Arrays.stream(classes).mapToDouble(c -> Math.pow(counts[c], -balance)).toArray();
    // as many samples' worth as there are, so that the pull weighs the same against them
    double mean = Arrays.stream(weights).average().orElseThrow();
    for (int i = 0; i < weights.length; i++) {
      weights[i] /= mean;
    }
    return new Batch(samples.stream().map(Remembered::features).toList(), classes, weights);
  }

  @Override
  public Optional<Scored> answer(Said said) {
    int best = Learner.best(said.logits());
    double chance = Math.exp(-Temperature.surprise(said.logits(), best, 1));
    return Optional.of(new Scored(said.labels().get(best), chance));
  }

  @Override
  public Trial trial(Remembered sample, @Nullable Said live, Said candidate) {
    String before = live == null ? null : label(live);
    Trial trial = new Trial(sample.label(), before, label(candidate), sample.weight());
    return live == null || !live.labels().contains(sample.label())
        ? trial
        : trial.surerBy(surprise(live, sample.label()) - surprise(candidate, sample.label()));
  }

  private static double surprise(Said said, String truth) {
    int right = said.labels().indexOf(truth);
    return Math.min(MOST_SURPRISE, Temperature.surprise(said.logits(), right, 1));
  }

  private static String label(Said said) {
    return said.labels().get(Learner.best(said.logits()));
  }

  /** A label seen once cannot be told by the fold that left it out, and says nothing of scale. */
  @Override
  public double temperature(
      List<Remembered> leftOut, List<float[]> said, Batch batch, int[] indexes) {
    Map<Integer, Integer> counts = new TreeMap<>();
    Arrays.stream(batch.classes()).forEach(c -> counts.merge(c, 1, Integer::sum));
    int[] usable =
        IntStream.range(0, indexes.length)
            .filter(i -> counts.getOrDefault(batch.classes()[indexes[i]], 0) > 1)
            .toArray();
    return Temperature.fit(
        Arrays.stream(usable).mapToObj(said::get).toList(),
        Arrays.stream(usable).map(i -> batch.classes()[indexes[i]]).toArray(),
        Arrays.stream(usable).mapToDouble(i -> leftOut.get(i).weight()).toArray());
  }
}
