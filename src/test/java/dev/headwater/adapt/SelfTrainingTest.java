package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
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

  private static final Fitter.Trained NOTHING =
      new LinearFitter(
              new HeadLayout(new LinearLayer("w", "b", true), 1),
              new FineTuner(FitSettings.DEFAULT, true))
          .empty();

  private final Random random = new Random(3);
  private final LinearFitter fitter =
      new LinearFitter(
          new HeadLayout(new LinearLayer("w", "b", true), DIM),
          new FineTuner(FitSettings.DEFAULT, true));

  private final Batch labelled =
      new Batch(List.of(LEFT, LEFT, RIGHT), new int[] {0, 0, 1}, new double[] {1, 3, 0.5});

  @Test
  void whatAHeadIsSureOfWeighsAsMuchAsALabelledSampleOfThatClass() {
    SelfTraining more =
        SelfTraining.of(
            labelled,
            List.of(MIDDLE, RIGHT, LEFT),
            NOTHING,
            List.of(HEAD),
            List.of(labelled.weights()));

    assertThat(more.batch().features()).containsExactly(LEFT, LEFT, RIGHT, LEFT, RIGHT);
    assertThat(more.batch().classes()).containsExactly(0, 0, 1, 0, 1);
    assertThat(more.weightings()).containsExactly(new double[] {1, 3, 0.5, 2, 0.5});
  }

  /** Or a fold's head would hear from another what it is to be judged by. */
  @Test
  void eachHeadGoesByItsOwnWord() {
    List<double[]> weightings = List.of(labelled.weights(), new double[] {1, 1, 1});

    SelfTraining more =
        SelfTraining.of(labelled, List.of(RIGHT), NOTHING, List.of(HEAD, CONTRARY), weightings);

    assertThat(more.batch().classes()).containsExactly(0, 0, 1, 1, 0);
    assertThat(more.weightings())
        .containsExactly(new double[] {1, 3, 0.5, 0.5, 0}, new double[] {1, 1, 1, 0, 1});
  }

  @Test
  void aClassThatAWeightingHasNoLabelledSampleOfTakesInNone() {
    SelfTraining more =
        SelfTraining.of(
            labelled, List.of(RIGHT), NOTHING, List.of(HEAD), List.of(new double[] {1, 1, 0}));

    assertThat(more.taken()).isZero();
  }

  @Test
  void ofAClassThatNobodyWasToldOfTheLiveHeadsWordCounts() {
    SelfTraining more =
        SelfTraining.of(
            labelled,
            List.of(RIGHT, RIGHT, RIGHT, RIGHT, LEFT, MIDDLE),
            HEAD,
            List.of(CONTRARY),
            List.of(new double[] {1, 3, 0}));

    // the fitted head takes what is right for class 0, which is told; the live one for class 1
    assertThat(more.batch().classes()).containsExactly(0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1);
    assertThat(more.weightings().get(0)).endsWith(1, 1, 1, 1, 1, 1, 1, 1);
  }

  @Test
  void allOfAClassWeighNoMoreThanWhatIsLabelledOfItDoes() {
    SelfTraining more =
        SelfTraining.of(
            labelled,
            List.of(RIGHT, RIGHT, RIGHT, RIGHT, RIGHT),
            NOTHING,
            List.of(HEAD),
            List.of(labelled.weights()));

    assertThat(more.weightings().get(0)).endsWith(.1, .1, .1, .1, .1);
  }

  /** The first fold's head is wrong of what it left out, and nobody tells it better. */
  @Test
  void aFoldsHeadGoesOnFromWhatItSaysItself() {
    List<double[]> last = new ArrayList<>();
    Fitter recording =
        new PlainFitter() {
          @Override
          public List<Trained> fit(
              Trained live, int classes, Batch batch, List<double[]> weightings) {
            last.clear();
            last.addAll(weightings);
            return List.of(CONTRARY, HEAD, HEAD);
          }

          @Override
          public boolean learnsUnlabelled() {
            return true;
          }

          @Override
          public Trained of(Head head) {
            throw new UnsupportedOperationException();
          }

          @Override
          public Trained empty() {
            return HEAD;
          }

          @Override
          public Trained blend(Trained live, List<Trained> fitted) {
            return HEAD;
          }
        };

    CrossFit.of(
        recording,
        HEAD,
        2,
        new Batch(List.of(LEFT, LEFT, RIGHT), new int[] {0, 0, 1}, new double[] {1, 1, 1}),
        List.of(LEFT),
        new int[] {0, 1},
        2);

    assertThat(last)
        .containsExactly(
            new double[] {0, 1, 1, 1, 0},
            new double[] {1, 0, 1, 0, 1},
            new double[] {1, 1, 1, 0, 1});
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

    double taughtAlone = accuracy(fit(alone, List.of()));
    double taughtBeside = accuracy(fit(alone, others));

    assertThat(taughtBeside).isGreaterThan(taughtAlone + 0.02);
  }

  private Fitter.Trained fit(Batch batch, List<float[]> unlabelled) {
    return CrossFit.of(fitter, fitter.empty(), CLASSES, batch, unlabelled, new int[0], 2).head();
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
