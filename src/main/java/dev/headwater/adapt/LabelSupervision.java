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

/** Supervision for single-label tasks: trained with cross-entropy, evaluated by accuracy. */
record LabelSupervision() implements Supervision {
  /** Maximum log loss of one sample, in nats (p < 1 %): one must not outweigh all others. */
  private static final double MAX_LOG_LOSS = 5;

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
    // mean weight 1, so that the L2-SP penalty keeps its relative strength
    double mean = Arrays.stream(weights).average().orElseThrow();
    for (int i = 0; i < weights.length; i++) {
      weights[i] /= mean;
    }
    return new Batch(samples.stream().map(Remembered::features).toList(), classes, weights);
  }

  @Override
  public Optional<Scored> answer(HeadOutput output) {
    int best = Learner.best(output.logits());
    double probability = Math.exp(-Temperature.surprise(output.logits(), best, 1));
    return Optional.of(new Scored(output.labels().get(best), probability));
  }

  @Override
  public Trial trial(Remembered sample, @Nullable HeadOutput live, HeadOutput candidate) {
    String before = live == null ? null : label(live);
    Trial trial = new Trial(sample.label(), before, label(candidate), sample.weight());
    return live == null || !live.labels().contains(sample.label())
        ? trial
        : trial.surerBy(logLoss(live, sample.label()) - logLoss(candidate, sample.label()));
  }

  private static double logLoss(HeadOutput output, String truth) {
    int target = output.labels().indexOf(truth);
    return Math.min(MAX_LOG_LOSS, Temperature.surprise(output.logits(), target, 1));
  }

  private static String label(HeadOutput output) {
    return output.labels().get(Learner.best(output.logits()));
  }

  /**
   * Fits the temperature, ignoring labels with a single sample: the fold that holds it out cannot
   * predict that label.
   */
  @Override
  public double temperature(
      List<Remembered> heldOut, List<float[]> logits, Batch batch, int[] indexes) {
    Map<Integer, Integer> counts = new TreeMap<>();
    Arrays.stream(batch.classes()).forEach(c -> counts.merge(c, 1, Integer::sum));
    int[] usable =
        IntStream.range(0, indexes.length)
            .filter(i -> counts.getOrDefault(batch.classes()[indexes[i]], 0) > 1)
            .toArray();
    return Temperature.fit(
        Arrays.stream(usable).mapToObj(logits::get).toList(),
        Arrays.stream(usable).map(i -> batch.classes()[indexes[i]]).toArray(),
        Arrays.stream(usable).mapToDouble(i -> heldOut.get(i).weight()).toArray());
  }
}
