package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.TailTuner;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.onnx.Ort;
import dev.headwater.schema.Tensor;
import dev.headwater.tail.Tail;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TailFitterTest {
  private static final int DIM = 4;
  private static final FitSettings FIT = new FitSettings("cpu", 1, 0.02, 25, 200);

  @TempDir Path directory;

  /** Which of four corners, told by the signs of two numbers: no linear head can tell. */
  private static Batch corners(int count, long seed) {
    Random random = new Random(seed);
    List<float[]> features = new ArrayList<>();
    int[] classes = new int[count];
    for (int i = 0; i < count; i++) {
      float[] row = new float[DIM];
      for (int d = 0; d < DIM; d++) {
        row[d] = (float) random.nextGaussian();
      }
      features.add(row);
      classes[i] = row[0] * row[1] > 0 ? 1 : 0;
    }
    return new Batch(features, classes, ones(count));
  }

  private static double[] ones(int count) {
    double[] ones = new double[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  private TailFitter fitter(Task task) throws Exception {
    return new TailFitter(
        task, new TailTuner(Tail.of(task.split()), task.split(), task.featureShapes(), FIT));
  }

  private Task twoLayers() throws Exception {
    return Bundles.tabular(directory, DIM, 2, "cut: -2").task();
  }

  private static double accuracy(Fitter.Trained head, Batch batch) {
    List<float[]> logits = head.logits(batch.features());
    int right = 0;
    for (int i = 0; i < batch.size(); i++) {
      float[] row = logits.get(i);
      int best = 0;
      for (int c = 1; c < row.length; c++) {
        best = row[c] > row[best] ? c : best;
      }
      right += best == batch.classes()[i] ? 1 : 0;
    }
    return right / (double) batch.size();
  }

  private static Fitter.Trained taught(
      TailFitter fitter, Task task, int classes, Batch batch, double[] weights) {
    Fitter.Trained head = fitter.of(task.head().orElseThrow());
    for (int round = 0; round < 6; round++) {
      head = fitter.fit(head, classes, batch, List.of(weights)).get(0);
    }
    return head;
  }

  @Test
  void learnsWhatOneLayerCannot() throws Exception {
    Task task = twoLayers();
    TailFitter fitter = fitter(task);
    Batch batch = corners(600, 1);

    Fitter.Trained head = taught(fitter, task, 2, batch, batch.weights());

    assertThat(accuracy(head, corners(400, 2))).isGreaterThan(.9);
  }

  @Test
  void isTheSameEachTimeAndLeavesOutWhatWeighsNothing() throws Exception {
    Task task = twoLayers();
    TailFitter fitter = fitter(task);
    Fitter.Trained live = fitter.of(task.head().orElseThrow());
    Batch batch = corners(80, 3);
    double[] half = ones(80);
    Arrays.fill(half, 40, 80, 0);
    Batch first =
        new Batch(batch.features().subList(0, 40), Arrays.copyOf(batch.classes(), 40), ones(40));

    List<Fitter.Trained> heads = fitter.fit(live, 2, batch, List.of(half, half, ones(80)));

    assertThat(heads.get(0).tensors()).isEqualTo(heads.get(1).tensors());
    assertThat(heads.get(0).tensors()).isNotEqualTo(heads.get(2).tensors());
    assertThat(fitter.fit(live, 2, first, List.of(ones(40))).get(0).tensors())
        .isEqualTo(heads.get(0).tensors());
  }

  /** As of an annotator who works through some classes: no sample shows what the others lose. */
  @Test
  void labelsOfSomeClassesDoNotMakeItForgetTheOthers() throws Exception {
    Task task = Bundles.tabular(directory, 8, 10, "cut: -2").task();
    TailFitter fitter = fitter(task);
    Batch all = clusters(600, 10);
    Fitter.Trained live = taught(fitter, task, 10, all, all.weights());
    Batch some = clusters(100, 2);
    int[] judged = IntStream.range(0, 100).toArray();
    List<float[]> drawn = clusters(300, 10).features();
    Fitter.Trained unguarded = live;
    Fitter.Trained guarded = live;
    for (int round = 0; round < 10; round++) {
      unguarded = CrossFit.of(fitter, unguarded, 10, some, List.of(), judged, 2).head();
      guarded = CrossFit.of(fitter, guarded, 10, some, drawn, judged, 2).head();
    }

    Batch other = clusters(400, 10);
    assertThat(accuracy(unguarded, other)).isLessThan(accuracy(live, other) - .05);
    assertThat(accuracy(guarded, other)).isGreaterThan(accuracy(live, other) - .03);
  }

  /** So close that a head cannot tell all of them. */
  private static Batch clusters(int count, int labels) {
    Samples samples = new Samples("task", "backbone", 8);
    Random random = new Random(count);
    int[] classes = IntStream.range(0, count).map(i -> i % labels).toArray();
    List<float[]> features = Arrays.stream(classes).mapToObj(samples::features).toList();
    for (float[] row : features) {
      for (int d = 0; d < row.length; d++) {
        row[d] += (float) (2 * random.nextGaussian());
      }
    }
    return new Batch(features, classes, ones(count));
  }

  @Test
  void goesHalfTheWayWhereThatIsBetterForWhatItLeftOut() throws Exception {
    Task task = twoLayers();
    TailFitter fitter = fitter(task);
    Batch batch = corners(400, 9);
    double[] first = ones(400);
    Arrays.fill(first, 300, 400, 0);
    List<double[]> weightings = List.of(first);
    Fitter.Trained far = taught(fitter, task, 2, batch, first);
    Fitter.Trained beyond = far.scaled(40, 0);

    Fitter.Trained half = fitter.settled(far, List.of(beyond), 2, batch, weightings).heads().get(0);
    float[] said = half.logits(batch.features()).get(0);
    float[] wanted = far.scaled(20.5, 0).logits(batch.features()).get(0);
    assertThat(said).as("beyond the mark").containsExactly(wanted, within(1e-3f));
    assertThat(fitter.settled(beyond, List.of(far), 2, batch, weightings).heads().get(0).tensors())
        .as("from far away")
        .isEqualTo(far.tensors());
    assertThat(
            fitter
                .settled(far, List.of(beyond), 2, batch, List.of(ones(400)))
                .heads()
                .get(0)
                .tensors())
        .as("with nothing to tell by")
        .isEqualTo(beyond.tensors());
    assertThat(fitter.settled(fitter.empty(), List.of(beyond), 2, batch, weightings).heads())
        .as("from nothing")
        .containsExactly(beyond);
  }

  @Test
  void growsByALabelThatHasNeverBeenSeen() throws Exception {
    Task task = twoLayers();
    TailFitter fitter = fitter(task);
    Batch two = corners(300, 4);
    int[] classes = two.classes().clone();
    for (int i = 0; i < classes.length; i++) {
      classes[i] = two.features().get(i)[2] > .8 ? 2 : classes[i];
    }
    Batch three = new Batch(two.features(), classes, ones(300));

    Fitter.Trained head = taught(fitter, task, 3, three, three.weights());

    assertThat(head.logits(three.features()).get(0)).hasSize(3);
    assertThat(accuracy(head, three)).isGreaterThan(.8);
  }

  @Test
  void isExportedWithWhatItLearned() throws Exception {
    Map<String, OnnxTensorLike> inputs = Map.of("features", Ort.noise(1, 40, DIM));

    saysTheSameInOneFile(twoLayers(), inputs, "probabilities", TailFitterTest::softmax);
  }

  @Test
  void isExportedWithConvolutionsThatLearned() throws Exception {
    Path data = Bundles.data("fashion");
    Task task = Bundle.load(Path.of("deploy/examples/bundles/fashion.yaml"), data).task();

    Map<String, OnnxTensorLike> inputs = Map.of("image", Ort.noise(1, 12, 1, 28, 28));

    saysTheSameInOneFile(task, inputs, task.split().logits(), UnaryOperator.identity());
  }

  private static float[] softmax(float[] logits) {
    float[] shares = logits.clone();
    double sum = 0;
    for (float logit : logits) {
      sum += Math.exp(logit);
    }
    for (int i = 0; i < shares.length; i++) {
      shares[i] = (float) (Math.exp(logits[i]) / sum);
    }
    return shares;
  }

  /**
   * Trained with a label that is new: the whole network in ONNX Runtime, beside the trainer's.
   *
   * @param output of the network, and what it makes of a record's logits
   */
  private void saysTheSameInOneFile(
      Task task, Map<String, OnnxTensorLike> inputs, String output, UnaryOperator<float[]> ofLogits)
      throws Exception {
    Ort.Values values =
        Ort.values(Ort.run(task.split().backbone(), inputs).get(task.split().features().get(0)));
    List<float[]> features = rows(values);
    int labels = task.labels().size() + 1;
    int[] classes = IntStream.range(0, features.size()).map(i -> i % labels).toArray();
    Batch batch = new Batch(features, classes, ones(features.size()));
    TailFitter fitter = fitter(task);
    Fitter.Trained live = fitter.of(task.head().orElseThrow());

    Fitter.Trained learned = fitter.fit(live, labels, batch, List.of(batch.weights())).get(0);

    byte[] exported = task.split().merge(parameters(learned));
    List<float[]> says = rows(Ort.values(Ort.run(exported, inputs).get(output)));
    List<float[]> wanted = learned.logits(features);
    for (int i = 0; i < features.size(); i++) {
      assertThat(says.get(i)).containsExactly(ofLogits.apply(wanted.get(i)), within(1e-4f));
    }
    assertThat(says.get(0)).hasSize(labels);
    assertThat(Arrays.copyOf(wanted.get(0), labels - 1))
        .as("it learned")
        .isNotEqualTo(live.logits(features).get(0));
  }

  private static List<float[]> rows(Ort.Values values) {
    int count = (int) values.shape()[0];
    int size = values.floats().length / count;
    return IntStream.range(0, count)
        .mapToObj(i -> Arrays.copyOfRange(values.floats(), i * size, (i + 1) * size))
        .toList();
  }

  @Test
  void startsANewHeadWithLayersOfItsOwn() throws Exception {
    Bundles.coldStart(directory, DIM);
    String manifest =
        Files.readString(directory.resolve("headwater.yaml"))
            .replace("head: none", "head: none\nhidden: 16");
    Task task = Bundles.load(directory, manifest).task();
    TailFitter fitter = fitter(task);
    Batch batch = corners(600, 5);

    Fitter.Trained head = fitter.empty();
    for (int round = 0; round < 8; round++) {
      head = fitter.fit(head, 2, batch, List.of(batch.weights())).get(0);
    }

    assertThat(accuracy(head, corners(400, 6))).isGreaterThan(.85);
    assertThat(fitter.shipsFolds(head)).isTrue();
    assertThat(fitter.shipsFolds(fitter.empty())).as("heads that began with nothing").isFalse();
    assertThat(fitter.blend(fitter.empty(), List.of(fitter.empty(), head))).isSameAs(head);
  }

  @Test
  void coolsTheLogitsAndShipsTheMeanOfItsHeads() throws Exception {
    Task task = twoLayers();
    TailFitter fitter = fitter(task);
    Fitter.Trained live = fitter.of(task.head().orElseThrow());
    List<float[]> features = corners(3, 7).features();

    float[] cooled = live.scaled(.5, 0).logits(features).get(1);
    float[] plain = live.logits(features).get(1);
    Fitter.Trained mean = fitter.blend(live, List.of(live, live.scaled(2, 0)));

    assertThat(cooled[0]).isCloseTo(plain[0] / 2, within(1e-5f));
    assertThat(mean.logits(features).get(1)[1]).isCloseTo(1.5f * plain[1], within(1e-4f));
    assertThat(mean.finite()).isTrue();
  }

  @Test
  void stopsWhenItIsCancelled() throws Exception {
    Task task = twoLayers();
    TailFitter fitter = fitter(task);
    fitter.cancel();

    assertThatThrownBy(
            () ->
                fitter.fit(
                    fitter.of(task.head().orElseThrow()), 2, corners(50, 8), List.of(ones(50))))
        .isInstanceOf(CancellationException.class);
  }

  private static List<dev.headwater.onnx.Parameter> parameters(Fitter.Trained head) {
    List<dev.headwater.onnx.Parameter> parameters = new ArrayList<>();
    for (Map.Entry<String, Tensor> entry : head.tensors().entrySet()) {
      Tensor tensor = entry.getValue();
      parameters.add(
          new dev.headwater.onnx.Parameter(entry.getKey(), tensor.shape(), tensor.values()));
    }
    return parameters;
  }
}
