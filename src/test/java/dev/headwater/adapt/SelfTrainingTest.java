package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SelfTrainingTest {
  private static final int DIM = 20;
  private static final int CLASSES = 5;
  private static final float[] LEFT = {-5};
  private static final float[] RIGHT = {5};
  private static final float[] MIDDLE = {0};

  /** Class 0 is left, class 1 is right; the other head has them the other way round. */
  private static final Fitter.Trained HEAD = new Rows(-1, 1);

  private static final Fitter.Trained CONTRARY = new Rows(1, -1);

  private final Random random = new Random(3);
  private final LinearFitter fitter =
      new LinearFitter(
          new HeadLayout(new LinearLayer("w", "b", true), DIM),
          new FineTuner(FitSettings.DEFAULT, true));

  private final Batch labelled =
      new Batch(List.of(LEFT, LEFT, RIGHT), new int[] {0, 0, 1}, new double[] {1, 3, 0.5});

  @Test
  void whatAHeadIsSureOfWeighsAsMuchAsALabelledSampleOfThatClass() {
    Batch batch = labelled.beside(List.of(MIDDLE, RIGHT, LEFT));

    SelfTraining more = SelfTraining.of(batch, List.of(HEAD), List.of(batch.weights()));

    assertThat(more.batch().features()).containsExactly(LEFT, LEFT, RIGHT, RIGHT, LEFT);
    assertThat(more.batch().classes()).containsExactly(0, 0, 1, 1, 0);
    assertThat(more.weightings()).containsExactly(new double[] {1, 3, 0.5, 0.5, 2});
  }

  /** Or a fold's head would hear from another what it is to be judged by. */
  @Test
  void eachHeadGoesByItsOwnWord() {
    Batch batch = labelled.beside(List.of(RIGHT));
    List<double[]> weightings = List.of(batch.weights(), new double[] {1, 1, 1});

    SelfTraining more = SelfTraining.of(batch, List.of(HEAD, CONTRARY), weightings);

    assertThat(more.batch().classes()).containsExactly(0, 0, 1, 1, 0);
    assertThat(more.weightings())
        .containsExactly(new double[] {1, 3, 0.5, 0.5, 0}, new double[] {1, 1, 1, 0, 1});
  }

  @Test
  void aClassThatAWeightingHasNoLabelledSampleOfTakesInNone() {
    Batch batch = labelled.beside(List.of(RIGHT));

    SelfTraining more = SelfTraining.of(batch, List.of(HEAD), List.of(new double[] {1, 1, 0}));

    assertThat(more.batch().size()).isEqualTo(labelled.size());
  }

  /** Two rows for one feature. */
  private record Rows(float left, float right) implements Fitter.Trained {
    @Override
    public List<float[]> logits(List<float[]> features) {
      return features.stream().map(x -> new float[] {left * x[0], right * x[0]}).toList();
    }

    @Override
    public Fitter.Trained scaled(double factor, double shift) {
      throw new UnsupportedOperationException();
    }

    @Override
    public boolean finite() {
      return true;
    }

    @Override
    public Map<String, Tensor> tensors() {
      return Map.of();
    }
  }

  /** Five labelled samples say little of where a class lies, and a hundred others say it. */
  @Test
  void samplesWithoutALabelTeachWhereClassesLie() {
    List<float[]> features = new ArrayList<>();
    List<float[]> others = new ArrayList<>();
    for (int i = 0; i < 5 * CLASSES; i++) {
      features.add(drawn(i % CLASSES));
    }
    for (int i = 0; i < 100 * CLASSES; i++) {
      others.add(drawn(i % CLASSES));
    }
    int[] classes = new int[features.size()];
    Arrays.setAll(classes, i -> i % CLASSES);
    double[] ones = new double[features.size()];
    Arrays.fill(ones, 1);
    Batch alone = new Batch(features, classes, ones);

    double taughtAlone = accuracy(fit(alone));
    double taughtBeside = accuracy(fit(alone.beside(others)));

    assertThat(taughtBeside).isGreaterThan(taughtAlone + 0.02);
  }

  private Fitter.Trained fit(Batch batch) {
    return CrossFit.of(fitter, fitter.empty(), List.of(), CLASSES, batch, new int[0], new int[0])
        .head();
  }

  private float[] drawn(int label) {
    float[] row = new float[DIM];
    Random centre = new Random(label);
    for (int d = 0; d < DIM; d++) {
      row[d] = (float) (0.7 * centre.nextGaussian() + random.nextGaussian());
    }
    return row;
  }

  private double accuracy(Fitter.Trained head) {
    List<float[]> fresh = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      fresh.add(drawn(i % CLASSES));
    }
    List<float[]> logits = head.logits(fresh);
    int right = 0;
    for (int i = 0; i < fresh.size(); i++) {
      right += Learner.best(logits.get(i)) == i % CLASSES ? 1 : 0;
    }
    return (double) right / fresh.size();
  }
}
