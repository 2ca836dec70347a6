package dev.headwater.adapt.fit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.tail.Tail;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * A deeper tail's steps on a GPU beside the same on the CPU: the same weights, and how much faster.
 * Needs what CI does not have, so it only runs when asked for, on a machine with CUDA: {@code mvn
 * -Pcuda test -Dtest=CudaParity} with {@code HEADWATER_DATA} set. {@code -Dheadwater.device=cpu}
 * tries the comparison itself.
 */
class CudaParity {
  private static final String DEVICE = System.getProperty("headwater.device", "cuda:0");
  private static final int STEPS = 50;
  private static final int RECORDS = 32 * STEPS;
  private static final float TOLERANCE = 1e-3f;

  @Test
  void aStepGivesTheSameAndTakesLess() throws Exception {
    Bundle bundle =
        Bundle.load(Path.of("deploy/examples/bundles/fashion.yaml"), Bundles.data("fashion"));
    Task task = bundle.task();
    Weights live = new Weights(task.head().orElseThrow().tensors());
    Batch batch = batch(task, RECORDS);

    Weights one = fit(task, "cpu", 1, live, batch);
    assertThat(fit(task, DEVICE, 1, live, batch).flat())
        .as("weights after a step")
        .usingComparatorWithPrecision(TOLERANCE)
        .containsExactly(one.flat());
    assertThat(distance(one, live)).as("a step was taken").isPositive();

    List<Double> speedUps = new ArrayList<>();
    for (int round = 0; round < 5; round++) {
      double cpu = seconds(task, "cpu", live, batch);
      speedUps.add(cpu / seconds(task, DEVICE, live, batch));
    }
    System.out.printf(
        Locale.ROOT,
        "%d steps on %s: %.1f times as fast as one core (%.1f to %.1f, five rounds)%n",
        STEPS,
        DEVICE,
        speedUps.stream().sorted().toList().get(2),
        speedUps.stream().mapToDouble(s -> s).min().orElseThrow(),
        speedUps.stream().mapToDouble(s -> s).max().orElseThrow());
    assertThat(distance(fit(task, DEVICE, STEPS, live, batch), live))
        .as("how far all steps lead")
        .isCloseTo(distance(fit(task, "cpu", STEPS, live, batch), live), within(.05));
  }

  private static double seconds(Task task, String device, Weights live, Batch batch)
      throws Exception {
    long start = System.nanoTime();
    fit(task, device, STEPS, live, batch);
    return (System.nanoTime() - start) / 1e9;
  }

  private static Weights fit(Task task, String device, int steps, Weights live, Batch batch)
      throws Exception {
    TailTuner tuner =
        new TailTuner(
            Tail.of(task.split()),
            task.split(),
            task.featureShapes(),
            new FitSettings(device, 1, FitSettings.DEFAULT.pull(), 25, steps));
    assertThat(tuner.device()).isEqualTo(device);
    return tuner.fit(live, task.labels().size(), batch, List.of(batch.weights())).get(0);
  }

  private static double distance(Weights a, Weights b) {
    float[] x = a.flat();
    float[] y = b.flat();
    double squares = 0;
    for (int i = 0; i < x.length; i++) {
      squares += (x[i] - y[i]) * (x[i] - y[i]);
    }
    return Math.sqrt(squares);
  }

  /** As what comes out of a ReLU. */
  static Batch batch(Task task, int records) {
    Random random = new Random(1);
    List<float[]> features = new ArrayList<>();
    int[] classes = new int[records];
    for (int i = 0; i < records; i++) {
      float[] row = new float[task.rowSize()];
      for (int d = 0; d < row.length; d++) {
        row[d] = (float) Math.max(0, random.nextGaussian());
      }
      features.add(row);
      classes[i] = random.nextInt(task.labels().size());
    }
    double[] weights = new double[records];
    Arrays.fill(weights, 1);
    return new Batch(features, classes, weights);
  }
}
