package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SubclassFitterTest {
  private static final int DIM = 4;

  @TempDir Path directory;
  private Task task;
  private SubclassFitter fitter;

  @BeforeEach
  void open() throws Exception {
    Bundles.coldStart(directory, DIM);
    String manifest = Files.readString(directory.resolve("headwater.yaml"));
    task =
        Bundles.load(directory, manifest.replace("head: none", "head: none\nsubclasses: 3")).task();
    fitter = new SubclassFitter(task, new FineTuner(new FitSettings("cpu", 1, .02, 25, 1), true));
  }

  /** Four corners, two of a label and across from each other: no one row of weights can tell. */
  private static Batch corners(int count, long seed) {
    Random random = new Random(seed);
    List<float[]> features = new ArrayList<>();
    int[] classes = new int[count];
    for (int i = 0; i < count; i++) {
      float x = random.nextBoolean() ? 1 : -1;
      float y = random.nextBoolean() ? 1 : -1;
      float[] row = new float[DIM];
      for (int d = 0; d < DIM; d++) {
        row[d] = (float) random.nextGaussian() / 4;
      }
      row[0] += x;
      row[1] += y;
      features.add(row);
      classes[i] = x * y > 0 ? 1 : 0;
    }
    double[] ones = new double[count];
    Arrays.fill(ones, 1);
    return new Batch(features, classes, ones);
  }

  private Fitter.Trained fitted(Batch batch, int classes) {
    return fit(batch, classes, List.of(batch.weights())).get(0);
  }

  private List<Fitter.Trained> fit(Batch batch, int classes, List<double[]> weightings) {
    return fitter.fit(fitter.empty(), classes, batch, weightings);
  }

  private static double accuracy(Fitter.Trained head, Batch batch) {
    List<float[]> logits = head.logits(batch.features());
    int right = 0;
    for (int i = 0; i < batch.size(); i++) {
      right += Learner.best(logits.get(i)) == batch.classes()[i] ? 1 : 0;
    }
    return right / (double) batch.size();
  }

  @Test
  void learnsALabelThatLiesInSeveralPlaces() {
    assertThat(accuracy(fitted(corners(300, 1), 2), corners(400, 2))).isGreaterThan(.97);
  }

  @Test
  void shipsTheMeanOfItsHeads() {
    Batch batch = corners(200, 7);
    double[] fold = batch.weights().clone();
    Arrays.fill(fold, 190, 200, 0);

    List<Fitter.Trained> heads = fit(batch, 2, List.of(fold, batch.weights()));

    float[] mean = fitter.blend(fitter.empty(), heads).tensors().get("head.weight").values();
    float[] first = heads.get(0).tensors().get("head.weight").values();
    float[] second = heads.get(1).tensors().get("head.weight").values();
    for (int i = 0; i < mean.length; i++) {
      assertThat(mean[i]).isCloseTo((first[i] + second[i]) / 2, within(1e-5f));
    }
  }

  @Test
  void staysLinearWhereNothingMayBeSeenByAllItsHeads() {
    Batch batch = corners(200, 7);
    double[] early = batch.weights().clone();
    double[] late = batch.weights().clone();
    Arrays.fill(early, 100, 200, 0);
    Arrays.fill(late, 0, 100, 0);

    Fitter.Trained head = fit(batch, 2, List.of(early, late, batch.weights())).get(2);

    assertThat(head.tensors().get("head.bias").values())
        .endsWith(-10_000, -10_000, -10_000, -10_000);
  }

  @Test
  void staysLinearWhereSamplesAreFew() {
    Fitter.Trained head = fitted(corners(20, 1), 2);

    assertThat(head.tensors().get("head.bias").values())
        .as("by subclass, both labels")
        .endsWith(-10_000, -10_000, -10_000, -10_000);
  }

  @Test
  void findsSubclassesInWhatNobodyLabelledToo() {
    Batch labelled = corners(80, 1);
    List<float[]> unlabelled = corners(240, 2).features();

    Fitter.Trained alone = crossFit(labelled, List.of(), 0).head();
    Fitter.Trained grown = crossFit(labelled, unlabelled, 0).head();

    assertThat(third(alone)).as("a row is worth 20 samples").containsOnly(-10_000);
    assertThat(third(grown)).doesNotContain(-10_000);
  }

  @Test
  void aFoldKnowsNothingOfWhatItIsToJudge() {
    Batch labelled = corners(160, 3);
    List<float[]> unlabelled = corners(240, 2).features();
    int[] classes = labelled.classes().clone();
    for (int judged = 0; judged < 60; judged += 2) {
      classes[judged] = 1 - classes[judged];
    }
    Batch mislabelled = new Batch(labelled.features(), classes, labelled.weights());

    CrossFit right = crossFit(labelled, unlabelled, 60);
    CrossFit wrong = crossFit(mislabelled, unlabelled, 60);

    double other = 0;
    for (int judged = 0; judged < 60; judged += 2) {
      assertThat(wrong.logits().get(judged))
          .as("sample %d, but for rounding", judged)
          .containsExactly(right.logits().get(judged), within(.05f));
      other += Math.abs(wrong.logits().get(judged + 1)[0] - right.logits().get(judged + 1)[0]) / 30;
    }
    assertThat(other).as("what the other fold was taught").isGreaterThan(.5);
  }

  /** Two folds, of the first samples each judges every other. */
  private CrossFit crossFit(Batch batch, List<float[]> unlabelled, int judged) {
    int[] first = IntStream.range(0, judged).toArray();
    return CrossFit.of(fitter, fitter.empty(), 2, batch, unlabelled, first, 2);
  }

  /** Biases of both labels' third rows. */
  private static float[] third(Fitter.Trained head) {
    return Arrays.copyOfRange(head.tensors().get("head.bias").values(), 4, 6);
  }

  @Test
  void isTheSameEachTimeAndLeavesOutWhatWeighsNothing() {
    Batch batch = corners(160, 3);
    double[] ones = batch.weights();
    double[] half = ones.clone();
    Arrays.fill(half, 80, 160, 0);
    int[] classes = batch.classes().clone();
    for (int i = 80; i < classes.length; i++) {
      classes[i] = 1 - classes[i];
    }
    Batch mislabelled = new Batch(batch.features(), classes, batch.weights());

    List<Fitter.Trained> heads = fit(batch, 2, List.of(half, half, ones));

    assertThat(heads.get(0).tensors()).isEqualTo(heads.get(1).tensors());
    assertThat(heads.get(0).tensors()).isNotEqualTo(heads.get(2).tensors());
    assertThat(fit(mislabelled, 2, List.of(half, ones)).get(0).tensors())
        .as("of what it left out it must not know the labels")
        .isEqualTo(heads.get(0).tensors());
  }

  @Test
  void growsByALabelAndComesBackFromItsTensors() {
    Batch two = corners(300, 4);
    int[] classes = two.classes().clone();
    for (int i = 0; i < classes.length; i++) {
      classes[i] = two.features().get(i)[2] > .3 ? 2 : classes[i];
    }
    Batch three = new Batch(two.features(), classes, two.weights());

    Fitter.Trained head = fitted(three, 3).scaled(.5, .25);

    Fitter.Trained back = fitter.of(head("label-0", "label-1", "label-2", head.tensors()));
    List<float[]> features = two.features().subList(0, 5);
    for (int i = 0; i < 5; i++) {
      assertThat(back.logits(features).get(i))
          .hasSize(3)
          .containsExactly(head.logits(features).get(i), within(1e-6f));
    }
    assertThat(accuracy(head, three)).isGreaterThan(.85);
  }

  @Test
  void losesARetiredLabelAndNothingElse() {
    Batch two = corners(200, 9);
    Fitter.Trained fitted = fitted(two, 3);
    List<float[]> features = two.features().subList(0, 2);
    Tensor golden = Tensor.rows(fitted.logits(features), 3);
    Head live = head("label-0", "label-1", "label-2", fitted.tensors());
    Head told = new Head(live.info(), live.tensors(), Tensor.rows(features, DIM), golden);

    Head without =
        new Relabelling(task, LabelAliases.none("intent").retired("label-1"))
            .of(told, 2, "because", Instant.EPOCH);

    float[] before = fitted.logits(features).get(1);
    assertThat(without.info().labels()).containsExactly("label-0", "label-2");
    assertThat(fitter.of(without).logits(features).get(1)).containsExactly(before[0], before[2]);
  }

  @Test
  void scalesItsLogits() {
    Fitter.Trained head = fitted(corners(200, 5), 2);
    List<float[]> features = corners(3, 6).features();

    float[] scaled = head.scaled(.5, 2).logits(features).get(1);

    float[] plain = head.logits(features).get(1);
    assertThat(scaled[0]).isCloseTo(plain[0] / 2 + 2, within(1e-4f));
    assertThat(scaled[1]).isCloseTo(plain[1] / 2 + 2, within(1e-4f));
    assertThat(head.finite()).isTrue();
  }

  @Test
  void stopsWhenItIsCancelled() {
    fitter.cancel();

    assertThatThrownBy(() -> fitted(corners(50, 8), 2)).isInstanceOf(CancellationException.class);
  }

  @Test
  void namesATensorThatIsMissing() {
    assertThatThrownBy(() -> fitter.of(head("a", "b", "c", Map.of())))
        .hasMessageContaining("has no tensor head.factor");
  }

  private Head head(String first, String second, String third, Map<String, Tensor> tensors) {
    Tensor none = new Tensor(new long[] {0, 0}, new float[0]);
    return new Head(
        new HeadInfo(
            "intent",
            1,
            0,
            List.of(first, second, third),
            task.fingerprint(),
            Instant.EPOCH,
            "test",
            "cpu",
            new Verdict(true, "test", 0, Map.of())),
        tensors,
        none,
        none);
  }
}
