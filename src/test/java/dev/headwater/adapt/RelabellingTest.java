package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.adapt.align.SourceStatistics;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.Ort;
import dev.headwater.onnx.Parameter;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import dev.headwater.scoring.Scoring;
import dev.headwater.scoring.ScoringSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RelabellingTest {
  @TempDir Path directory;
  private Task task;
  private Head live;
  private float[] features;
  private float[] logits;

  @BeforeEach
  void load() throws Exception {
    task = Bundles.tabular(directory, 4, 3).task();
    Head bundled = task.head().orElseThrow();
    features = new Samples("kind", "b", task.featureSize()).features(0);
    logits = linear(bundled).logits(features);
    live =
        new Head(
            bundled.info(),
            bundled.tensors(),
            Tensor.rows(List.of(features), task.featureSize()),
            Tensor.rows(List.of(logits), 3),
            new SourceStatistics(3, 2, new float[] {1, 0, 0, 1, -1, 0}, new float[] {7, 8, 9}, null)
                .tensors());
  }

  @Test
  void aRenamedLabelKeepsItsWeights() {
    Head renamed = changed(aliases().renamed("label-1", "ham"));

    assertThat(renamed.info().labels()).containsExactly("label-0", "ham", "label-2");
    assertThat(renamed.info().version()).isEqualTo(1);
    assertThat(renamed.info().parent()).isZero();
    assertThat(renamed.info().verdict().reason()).isEqualTo("because");
    assertThat(linear(renamed).logits(features)).containsExactly(logits);
    assertThat(renamed.source()).isEqualTo(live.source());
  }

  @Test
  void aRetiredLabelLosesItsWeightsAndNobodyElse() {
    Head without = changed(aliases().retired("label-1"));

    assertThat(without.info().labels()).containsExactly("label-0", "label-2");
    assertThat(linear(without).logits(features)).containsExactly(logits[0], logits[2]);
    assertThat(without.goldenLogits().shape()).containsExactly(1, 2);
    assertThat(without.goldenLogits().values())
        .as("what followers check it by")
        .containsExactly(logits[0], logits[2]);
    SourceStatistics source = SourceStatistics.of(without.source()).orElseThrow();
    assertThat(source.classes()).isEqualTo(2);
    assertThat(source.directions()).containsExactly(1, 0, -1, 0);
    assertThat(source.counts()).containsExactly(7, 9);
  }

  @Test
  void ofMergedLabelsTheOneThatStaysKeepsItsWeights() {
    Head merged = changed(aliases().renamed("label-0", "label-2"));

    assertThat(merged.info().labels()).containsExactly("label-1", "label-2");
    assertThat(linear(merged).logits(features)).containsExactly(logits[1], logits[2]);
  }

  @Test
  void oneLabelAloneIsNoHead() {
    assertThatThrownBy(() -> changed(aliases().retired("label-0").retired("label-1")))
        .hasMessageContaining("two labels")
        .hasMessageContaining("label-2");
  }

  /** Of tails, of a new head's hidden layers, and of the example that comes with such a cut. */
  @ParameterizedTest
  @ValueSource(strings = {"tail", "hidden", "fashion"})
  void aDeeperHeadLosesLabelsAndSaysTheSameOfTheOthers(String name) throws Exception {
    Bundle bundle = deeper(name);
    Task deep = bundle.task();
    assertThat(deep.split().linear()).as("what would be another case").isEmpty();
    Head before = head(deep);
    List<String> labels = before.info().labels();
    int classes = labels.size();
    LabelAliases aliases =
        LabelAliases.none(deep.name())
            .renamed(labels.get(0), labels.get(2))
            .retired(labels.get(classes - 2));

    Head after = new Relabelling(deep, aliases).of(before, 1, "because", Instant.EPOCH);

    List<String> left = new ArrayList<>(labels);
    left.removeAll(List.of(labels.get(0), labels.get(classes - 2)));
    assertThat(after.info().labels()).isEqualTo(left);
    float[] said = logits(deep, before);
    float[] says = logits(deep, after);
    assertThat(says).hasSize(2 * left.size());
    for (int row = 0; row < 2; row++) {
      for (int i = 0; i < left.size(); i++) {
        assertThat(says[row * left.size() + i])
            .as("%s of record %d", left.get(i), row)
            .isCloseTo(said[row * classes + labels.indexOf(left.get(i))], within(1e-5f));
      }
    }
    try (Scoring scoring =
        Scoring.load(bundle, new ScoringSettings(1, 1, 4, false), ScorerMetrics.NOOP)) {
      scoring.install(after); // which runs its golden pairs
      assertThat(scoring.live().get(deep.name()).labels()).isEqualTo(left);
    }
    Path exported = directory.resolve("exported.onnx");
    deep.export(after, exported);
    new Ort(Files.readAllBytes(exported)).close();
  }

  @Test
  void whereTheLastLayerHasNoRowsOfLabelsNoneIsTakenAway() throws Exception {
    byte[] network =
        GraphFixture.opset(17)
            .input("image", -1, 1, 3, 3)
            .weight("k", 3, 1, 3, 3)
            .node("Conv", "map", "image", "k")
            .node("Flatten", "logits", "map")
            .declare("map", -1, 3, 1, 1)
            .output("logits", -1, 3)
            .bytes();
    Files.write(directory.resolve("model.onnx"), network);
    task =
        Bundles.load(
                directory,
                """
                name: window
                task: kind
                model: model.onnx
                labels: labels.json
                cut: -1
                input: {id: /id, image: /image}
                """)
            .task();
    live = head(task);

    assertThatThrownBy(() -> changed(aliases().retired("label-1")))
        .hasMessageContaining("the last layer of kind (output `map`)")
        .hasMessageContaining("can be renamed, but not retired")
        .hasMessageContaining("head: none");
    assertThat(changed(aliases().renamed("label-1", "ham")).info().labels()).contains("ham");
  }

  @Test
  void labelsThatAreClosedStayWhatTheyAre() throws Exception {
    task = Bundles.tabular(directory, 4, 3, "open: false").task();
    assertThatThrownBy(() -> changed(aliases().renamed("label-1", "ham")))
        .hasMessageContaining("the label set of kind is closed")
        .hasMessageContaining("open: true");

    task = Bundles.segments(directory.resolve("masks"), 8, 8, 3).task();
    live = task.head().orElseThrow();
    assertThatThrownBy(() -> changed(aliases().retired("light")))
        .hasMessageContaining("mask-values in a new bundle");
  }

  private Bundle deeper(String name) throws Exception {
    return switch (name) {
      case "tail" -> Bundles.tabular(directory, 4, 4, "cut: -2");
      case "fashion" -> {
        Path manifest = Path.of("deploy/examples/bundles/fashion.yaml");
        yield Bundle.load(manifest, Bundles.data("fashion"));
      }
      default -> {
        Bundles.coldStart(directory, 4);
        Path manifest = directory.resolve("headwater.yaml");
        String text = Files.readString(manifest);
        yield Bundles.load(directory, text.replace("head: none", "head: none\nhidden: [8, 6]"));
      }
    };
  }

  /** Of random weights, for four labels where the bundle has none, with two golden pairs. */
  private static Head head(Task task) throws Exception {
    List<String> labels = task.labels().isEmpty() ? List.of("a", "b", "c", "d") : task.labels();
    Random random = new Random(3);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (String name : task.split().parameterNames()) {
      tensors.put(name, random(random, task.split().shape(name, labels.size())));
    }
    HeadInfo info =
        new HeadInfo(
            task.name(),
            1,
            0,
            labels,
            task.fingerprint(),
            Instant.EPOCH,
            "samples",
            "cpu",
            new Verdict(true, "planted", 0, Map.of()));
    Tensor features = random(random, 2, task.rowSize());
    Head unproved = new Head(info, tensors, features, features);
    Tensor logits = new Tensor(new long[] {2, labels.size()}, logits(task, unproved));
    return new Head(info, tensors, features, logits);
  }

  private static Tensor random(Random random, long... shape) {
    Tensor tensor = Tensor.zeros(shape);
    for (int i = 0; i < tensor.values().length; i++) {
      tensor.values()[i] = .3f * (float) random.nextGaussian();
    }
    return tensor;
  }

  /** What it says of its golden features, in ONNX Runtime. */
  private static float[] logits(Task task, Head head) throws Exception {
    List<Parameter> weights = new ArrayList<>();
    head.tensors().forEach((name, t) -> weights.add(new Parameter(name, t.shape(), t.values())));
    long[] shape = Task.batched(2, task.featureShapes().get(0));
    return Ort.values(
            Ort.run(
                    task.split().head(weights),
                    Map.of(
                        task.split().features().get(0),
                        Ort.floats(shape, head.goldenFeatures().values())))
                .get(task.split().logits()))
        .floats();
  }

  private LabelAliases aliases() {
    return LabelAliases.none(task.name());
  }

  private Head changed(LabelAliases aliases) {
    return new Relabelling(task, aliases).of(live, 1, "because", Instant.EPOCH);
  }

  private LinearHead linear(Head head) {
    return HeadLayout.of(task).linear(head);
  }
}
