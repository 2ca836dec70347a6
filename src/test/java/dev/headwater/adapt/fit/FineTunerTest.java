package dev.headwater.adapt.fit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;

class FineTunerTest {
  private static final int DIM = 12;
  private final FineTuner tuner = new FineTuner(settings(1), true);

  @Test
  void learnsWhatTheSamplesSay() {
    Batch batch = clusters(3, 60, 1, 0);

    LinearHead head = tuner.fit(LinearHead.empty(DIM), 3, batch);

    assertThat(accuracy(head, clusters(3, 60, 1, 9))).isGreaterThan(0.97);
  }

  @Test
  void asksManyRowsTogetherForWhatItAsksOneFor() {
    LinearHead head = tuner.fit(LinearHead.empty(DIM), 3, clusters(3, 60, 1, 0));
    List<float[]> features = clusters(3, 1_000, 1, 9).features();

    List<float[]> together = tuner.logits(head, features);

    assertThat(together).hasSameSizeAs(features);
    for (int i = 0; i < features.size(); i++) {
      assertThat(together.get(i)).containsExactly(head.logits(features.get(i)), within(1e-4f));
    }
  }

  @Test
  void unitsOfTheFeaturesDoNotMatter() {
    LinearHead small = tuner.fit(LinearHead.empty(DIM), 3, clusters(3, 60, 1e-3f, 0));
    LinearHead large = tuner.fit(LinearHead.empty(DIM), 3, clusters(3, 60, 1e3f, 0));

    assertThat(accuracy(small, clusters(3, 60, 1e-3f, 9))).isGreaterThan(0.97);
    assertThat(accuracy(large, clusters(3, 60, 1e3f, 9))).isGreaterThan(0.97);
  }

  @Test
  void oneSampleFarOutLeavesTheOthersToBeLearnt() {
    Batch batch = clusters(3, 60, 1, 0);
    List<float[]> features = new ArrayList<>(batch.features());
    features.set(7, features.get(7).clone());
    features.get(7)[2] = -999_999;

    LinearHead head =
        tuner.fit(LinearHead.empty(DIM), 3, new Batch(features, batch.classes(), batch.weights()));

    assertThat(accuracy(head, clusters(3, 60, 1, 9))).isGreaterThan(0.97);
  }

  @Test
  void aLabelNeverSeenBeforeGetsARowAndTheOthersKeepTheirs() {
    LinearHead live = tuner.fit(LinearHead.empty(DIM), 3, clusters(3, 60, 1, 0));
    Batch all = clusters(4, 20, 1, 1);
    double[] mostlyNew = Arrays.stream(all.classes()).mapToDouble(c -> c == 3 ? 1 : 0.1).toArray();

    LinearHead grown = tuner.fit(live, 4, all.weighted(mostlyNew));

    assertThat(grown.classes()).isEqualTo(4);
    assertThat(accuracy(grown, clusters(4, 60, 1, 9)))
        .as("the live head's three labels, of which the fit saw little, and the new one")
        .isGreaterThan(0.9);
  }

  @Test
  void aStrongerPullStaysNearerTheLiveHead() {
    LinearHead live = tuner.fit(LinearHead.empty(DIM), 3, clusters(3, 60, 1, 0));
    Batch drifted = clusters(3, 20, 1, 77);

    LinearHead loose = new FineTuner(settings(0.01), true).fit(live, 3, drifted);
    LinearHead firm = new FineTuner(settings(100), true).fit(live, 3, drifted);

    assertThat(distance(firm, live)).isLessThan(distance(loose, live));
  }

  @Test
  void aHeadWithoutBiasStaysWithoutOne() {
    LinearHead head =
        new FineTuner(settings(1), false).fit(LinearHead.empty(DIM), 3, clusters(3, 60, 1, 0));

    assertThat(head.bias()).containsOnly(0f);
    assertThat(accuracy(head, clusters(3, 60, 1, 9))).isGreaterThan(0.9);
  }

  @Test
  void theSameSamplesGiveTheSameHead() {
    Batch batch = clusters(3, 30, 1, 0);

    assertThat(tuner.fit(LinearHead.empty(DIM), 3, batch).weight())
        .isEqualTo(tuner.fit(LinearHead.empty(DIM), 3, batch).weight());
  }

  @Test
  void aDeadFeatureIsNotBlownUp() {
    Batch batch = clusters(3, 60, 1, 0);
    batch.features().forEach(row -> row[0] = 0);

    LinearHead head = tuner.fit(LinearHead.empty(DIM), 3, batch);

    assertThat(head.finite()).isTrue();
  }

  @Test
  void theGradientIsThatOfTheLoss() {
    LinearHead anchor = new LinearHead(3, DIM, noise(3 * DIM, 1), noise(3, 2));
    Batch batch = clusters(3, 5, 1, 3).weighted(positive(15));
    try (NDManager manager = NDManager.newBaseManager("PyTorch");
        SoftmaxLoss loss = new SoftmaxLoss(manager, batch, anchor, 0.3, true)) {
      float[] at = noise(3 * DIM + 3, 4);
      float[] gradient = new float[at.length];
      float[] ignored = new float[at.length];
      loss.evaluate(at, gradient);
      for (int i = 0; i < at.length; i += 7) {
        float[] up = at.clone();
        float[] down = at.clone();
        up[i] += 1e-2f;
        down[i] -= 1e-2f;
        double slope = (loss.evaluate(up, ignored) - loss.evaluate(down, ignored)) / 2e-2;
        assertThat((double) gradient[i]).as("parameter " + i).isCloseTo(slope, within(2e-3));
      }
    }
  }

  /** Where its errors are nought, half a squared error has one Hessian, of every output. */
  @Test
  void theCurvatureIsThatOfTheLoss() {
    LinearHead anchor = new LinearHead(2, DIM, noise(2 * DIM, 1), noise(2, 2));
    Batch drawn = clusters(2, 60, 1, 3);
    float[] from = noise(2 * DIM + 2, 4);
    List<float[]> said = drawn.features().stream().map(row -> outputs(from, row)).toList();
    Targets targets = new Targets(Targets.Loss.SQUARED, said);
    Batch batch = new Batch(drawn.features(), drawn.classes(), positive(120), null, targets);
    try (NDManager manager = NDManager.newBaseManager("PyTorch");
        SoftmaxLoss loss = new SoftmaxLoss(manager, batch, anchor, 0.3, true)) {
      float[] moved = noise(2 * DIM, 6);
      float[] to = from.clone(); // of the biases it knows the scale alone
      for (int i = 0; i < moved.length; i++) {
        to[i] += .01f * moved[i];
      }
      float[] before = new float[from.length];
      float[] change = new float[from.length];
      loss.evaluate(from, before);
      loss.evaluate(to, change);
      for (int i = 0; i < change.length; i++) {
        change[i] -= before[i];
      }
      loss.curvatureAt(from);

      float[] step = loss.preconditioned(change);

      for (int i = 0; i < 2 * DIM; i++) {
        assertThat(step[i]).as("parameter " + i).isCloseTo(to[i] - from[i], within(2e-3f));
      }
    }
  }

  private static float[] outputs(float[] parameters, float[] row) {
    float[] outputs = {parameters[2 * DIM], parameters[2 * DIM + 1]};
    for (int d = 0; d < DIM; d++) {
      outputs[0] += parameters[d] * row[d];
      outputs[1] += parameters[DIM + d] * row[d];
    }
    return outputs;
  }

  @Test
  void trainersOfOneProcessDoNotDisturbEachOther() {
    List<LinearHead> heads =
        java.util.stream.IntStream.range(0, 4)
            .parallel()
            .mapToObj(i -> tuner.fit(LinearHead.empty(DIM), 3, clusters(3, 60, 1, 0)))
            .toList();

    assertThat(heads)
        .allSatisfy(head -> assertThat(head.weight()).isEqualTo(heads.get(0).weight()));
  }

  @Test
  void aMeanOfHeadsGivesTheMeanOfTheirLogits() {
    LinearHead one = new LinearHead(2, 1, new float[] {1, 2}, new float[] {0, 4});
    LinearHead other = new LinearHead(2, 1, new float[] {3, 0}, new float[] {2, 0});

    assertThat(LinearHead.mean(List.of(one, other)).logits(new float[] {10}))
        .containsExactly(21, 12);
  }

  @Test
  void stopsWhenCancelled() {
    FineTuner stopped = new FineTuner(settings(1), true);
    stopped.cancel();

    assertThatThrownBy(() -> stopped.fit(LinearHead.empty(DIM), 3, clusters(3, 30, 1, 0)))
        .isInstanceOf(CancellationException.class);
  }

  @Test
  void aDeviceThatIsNotThereIsToldAtOnce() {
    assertThatThrownBy(() -> FineTuner.device("cuda:0", 0))
        .hasMessageContaining("cuda:0")
        .hasMessageContaining("no GPU");
    assertThatThrownBy(() -> FineTuner.device("cuda:2", 2))
        .hasMessageContaining("cuda:2")
        .hasMessageContaining("2 GPUs");
    assertThat(FineTuner.device("auto", 0).isGpu()).isFalse();
    assertThat(FineTuner.device("auto", 1).isGpu()).isTrue();
    assertThat(FineTuner.device("cuda:1", 2).getDeviceId()).isEqualTo(1);
    assertThat(FineTuner.device("cpu", 4).isGpu()).isFalse();
  }

  @Test
  void refusesSettingsThatMeanNothing() {
    assertThatThrownBy(() -> new FitSettings("gpu", 1, 1, 1, 60)).hasMessageContaining("gpu");
    assertThatThrownBy(() -> new FitSettings("cpu", 0, 1, 1, 60)).hasMessageContaining("threads");
    assertThatThrownBy(() -> new FitSettings("cpu", 1, Double.NaN, 1, 60))
        .hasMessageContaining("l2-sp");
    assertThatThrownBy(() -> new FitSettings("cpu", 1, 1, 0, 60))
        .hasMessageContaining("iterations");
  }

  private static FitSettings settings(double pull) {
    return new FitSettings("cpu", 1, pull, 30, 60);
  }

  /** Gaussian clusters round fixed centres. */
  static Batch clusters(int classes, int each, float unit, long seed) {
    Random centres = new Random(42);
    Random random = new Random(seed);
    float[][] means = new float[classes][DIM];
    for (float[] mean : means) {
      for (int d = 0; d < DIM; d++) {
        mean[d] = (float) centres.nextGaussian() * 2;
      }
    }
    List<float[]> features = new ArrayList<>();
    int[] labels = new int[classes * each];
    for (int i = 0; i < labels.length; i++) {
      labels[i] = i % classes;
      float[] row = new float[DIM];
      for (int d = 0; d < DIM; d++) {
        row[d] = unit * (5 + means[labels[i]][d] + (float) random.nextGaussian());
      }
      features.add(row);
    }
    double[] weights = new double[labels.length];
    Arrays.fill(weights, 1);
    return new Batch(features, labels, weights);
  }

  private static double accuracy(LinearHead head, Batch batch) {
    int right = 0;
    for (int i = 0; i < batch.size(); i++) {
      right += head.best(batch.features().get(i)) == batch.classes()[i] ? 1 : 0;
    }
    return (double) right / batch.size();
  }

  private static double distance(LinearHead a, LinearHead b) {
    double sum = 0;
    for (int i = 0; i < a.weight().length; i++) {
      sum += Math.pow(a.weight()[i] - b.weight()[i], 2);
    }
    return sum;
  }

  private static float[] noise(int n, long seed) {
    Random random = new Random(seed);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = (float) random.nextGaussian() * 0.3f;
    }
    return values;
  }

  private static double[] positive(int n) {
    return new Random(8).doubles(n, 0.2, 3).toArray();
  }
}
