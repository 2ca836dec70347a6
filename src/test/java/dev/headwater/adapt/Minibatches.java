package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Head;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Last layers by minibatches of the memory from where the live head is: AdamW (Loshchilov and
 * Hutter 2019) and replay, as most do it. All else is the shipped learner's.
 */
record Minibatches(LinearFitter shipped) implements PlainFitter {
  private static final int BATCH = 32;
  private static final int STEPS = 400;
  private static final int PASSES = 8;
  private static final double RATE = 3e-3;

  @Override
  public List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings) {
    int dim = shipped.layout().dim();
    LinearHead from = LinearFitter.linear(List.of(live)).get(0);
    float[] bias = Arrays.copyOf(from.bias(), classes);
    int known = from.classes();
    double mean = IntStream.range(0, known).mapToDouble(c -> bias[c]).average().orElse(0);
    Arrays.fill(bias, known, classes, (float) mean);
    float[] start = Arrays.copyOf(from.weight(), classes * (dim + 1));
    System.arraycopy(bias, 0, start, classes * dim, classes);
    return shipped.trained(
        weightings.stream().map(weights -> fitted(start, classes, dim, batch, weights)).toList());
  }

  private static LinearHead fitted(
      float[] start, int classes, int dim, Batch batch, double[] weights) {
    float[] at = start.clone();
    double[] first = new double[at.length];
    double[] second = new double[at.length];
    int[] counted = IntStream.range(0, weights.length).filter(i -> weights[i] > 0).toArray();
    int steps = Math.min(STEPS, (PASSES * counted.length + BATCH - 1) / BATCH);
    Random random = new Random(17);
    for (int step = 1; step <= steps; step++) {
      double[] slope = new double[at.length];
      double total = 0;
      for (int k = 0; k < Math.min(BATCH, counted.length); k++) {
        int i = counted[random.nextInt(counted.length)];
        total += weights[i];
        add(slope, at, classes, batch.features().get(i), batch.classes()[i], weights[i]);
      }
      double rate = RATE * (1 - (step - 1.) / steps);
      for (int j = 0; j < at.length; j++) {
        double g = slope[j] / total;
        first[j] += 0.1 * (g - first[j]);
        second[j] += 0.001 * (g * g - second[j]);
        double scale = Math.sqrt(second[j] / (1 - Math.pow(0.999, step))) + 1e-8;
        at[j] -=
            (float)
                (rate * first[j] / (1 - Math.pow(0.9, step)) / scale
                    + rate * FitSettings.DEFAULT.pull() * (at[j] - start[j]));
      }
    }
    return new LinearHead(
        classes,
        dim,
        Arrays.copyOf(at, classes * dim),
        Arrays.copyOfRange(at, classes * dim, at.length));
  }

  private static void add(
      double[] slope, float[] at, int classes, float[] row, int truth, double weight) {
    int dim = row.length;
    double[] chance = new double[classes];
    for (int c = 0; c < classes; c++) {
      chance[c] = at[classes * dim + c];
      for (int d = 0; d < dim; d++) {
        chance[c] += at[c * dim + d] * row[d];
      }
    }
    double most = Arrays.stream(chance).max().orElseThrow();
    Arrays.setAll(chance, c -> Math.exp(chance[c] - most));
    double sum = Arrays.stream(chance).sum();
    for (int c = 0; c < classes; c++) {
      double off = weight * (chance[c] / sum - (c == truth ? 1 : 0));
      slope[classes * dim + c] += off;
      for (int d = 0; d < dim; d++) {
        slope[c * dim + d] += off * row[d];
      }
    }
  }

  @Override
  public Trained of(Head head) {
    return shipped.of(head);
  }

  @Override
  public Trained empty() {
    return shipped.empty();
  }

  @Override
  public Trained blend(Trained live, List<Trained> fitted) {
    return shipped.blend(live, fitted);
  }
}
