package dev.headwater.adapt.fit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.tail.Tail;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TailTunerTest {
  private static final int DIM = 8;

  /** As many as a minibatch, so that each step sees all of them and differs in nothing else. */
  private static final int SAMPLES = 32;

  @TempDir Path directory;
  private Task task;
  private Weights live;
  private Batch batch;

  @BeforeEach
  void drawSamples() throws Exception {
    task = Bundles.tabular(directory, DIM, 2, "cut: -2").task();
    live = new Weights(task.head().orElseThrow().tensors());
    batch = CudaParity.batch(task, SAMPLES);
  }

  @Test
  void aFitIsTheMeanOfTheSecondHalfOfItsSteps() throws Exception {
    List<Double> before = new ArrayList<>();
    fit(4, (step, steps, loss) -> before.add(loss));
    Weights second = fit(2, Steps.UNSEEN);
    Weights secondAndThird = fit(3, Steps.UNSEEN);

    float[] third = secondAndThird.flat();
    for (int i = 0; i < third.length; i++) {
      third[i] = 2 * third[i] - second.flat()[i];
    }

    assertThat(loss(second)).isCloseTo(before.get(2), within(1e-4));
    assertThat(loss(live.of(third))).isCloseTo(before.get(3), within(1e-4));
    assertThat(before.get(2) - before.get(3)).as("what a step does").isGreaterThan(1e-2);
  }

  private Weights fit(int steps, Steps seen) throws Exception {
    return tuner(steps, seen).fit(live, 2, batch, List.of(batch.weights())).get(0);
  }

  private TailTuner tuner(int steps, Steps seen) throws Exception {
    FitSettings settings = new FitSettings("cpu", 1, FitSettings.DEFAULT.pull(), 25, steps);
    return new TailTuner(Tail.of(task.split()), task.split(), task.featureShapes(), settings, seen);
  }

  private double loss(Weights weights) throws Exception {
    List<float[]> logits = tuner(1, Steps.UNSEEN).logits(weights, batch.features());
    double loss = 0;
    for (int i = 0; i < SAMPLES; i++) {
      float[] row = logits.get(i);
      int own = batch.classes()[i];
      loss += Math.log1p(Math.exp(row[1 - own] - row[own])) / SAMPLES;
    }
    return loss;
  }
}
