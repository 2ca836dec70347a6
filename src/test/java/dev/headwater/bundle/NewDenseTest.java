package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.onnx.GraphFixture;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NewDenseTest {
  private static final String INPUT = "input: {id: /id, image: /image, size: [20, 20]}\n";
  @TempDir Path directory;

  @Test
  void aClassifiersMapGetsAHeadThatTellsPixelsApart() throws Exception {
    Task task = Bundles.newDense(directory, 20, 20).task();

    assertThat(task.head()).as("a cold start").isEmpty();
    assertThat(task.labels()).containsExactly("dark", "light");
    assertThat(task.open()).isFalse();
    assertThat(task.featureShapes()).singleElement().isEqualTo(new long[] {6, 10, 10});
    assertThat(task.tiling()).contains(new Tiling(6, 10, 10, 16, 2, 2));
    Masks masks = task.masks().orElseThrow();
    assertThat(List.of(masks.height(), masks.width())).containsExactly(20, 20);
  }

  @Test
  void anotherSizeIsAnotherFeatureSpace() throws Exception {
    String same = Bundles.newDense(directory.resolve("1"), 20, 20).task().fingerprint();

    assertThat(Bundles.newDense(directory.resolve("2"), 20, 20).task().fingerprint())
        .isEqualTo(same);
    Bundle larger = bundle("cut: map", INPUT.replace("20, 20", "30, 40"));
    assertThat(larger.task().fingerprint()).isNotEqualTo(same);
    assertThat(larger.task().tiling()).contains(new Tiling(6, 15, 20, 16, 1, 2));
  }

  @Test
  void whatIsNoMapIsRefused() {
    assertThatThrownBy(() -> bundle("cut: flat", INPUT))
        .hasMessageContaining(
            "cut: `flat` has shape [?, 600], but a dense head needs a map [N, C, H, W]");
    assertThatThrownBy(() -> bundle("cut: kinds", INPUT))
        .hasMessageContaining(
            "cut: The backbone does not accept another image size: the Gemm node");
    assertThatThrownBy(() -> bundle("cut: nowhere", INPUT))
        .hasMessageContaining("cut: There is no computed tensor `nowhere`");
    assertThatThrownBy(() -> bundle("", INPUT))
        .hasMessageContaining("cut: is missing: set the name of the feature map");
  }

  @Test
  void aSizeThatDoesNotFitIsRefused() {
    assertThatThrownBy(() -> bundle("cut: map", INPUT.replace("20, 20", "21, 20")))
        .hasMessageContaining(
            "The image size 21 x 20 is not an integer multiple of the size of the map");
    assertThatThrownBy(() -> bundle("cut: map", "input: {id: /id, numbers: [/x]}\n").tasks())
        .hasMessageContaining("head: dense requires a model that takes one image per record");
    assertThatThrownBy(
            () ->
                Bundles.newDense(
                    directory,
                    """
                    labels: labels.json
                    input: {image: /image, size: [20, 20]}
                    """))
        .as("the network's own head was made for one size")
        .hasMessageContaining("input.size: the model expects [10, 10]");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "hidden: [4]\n"})
  void aNewHeadOfRecordsStandsOnTheAverageOfAMap(String more) throws Exception {
    Bundle bundle = Bundles.newDense(directory, "head: none\ncut: map\n" + more + INPUT);

    assertThat(bundle.task().featureShapes()).singleElement().isEqualTo(new long[] {6});
    assertThat(bundle.task().tiling()).isEmpty();
    assertThat(bundle.features()).containsExactly("map/headwater.average");
  }

  @Test
  void aTrunkThatEndsInAMapNeedsNoCut() throws Exception {
    byte[] trunk =
        GraphFixture.opset(12)
            .input("image", -1, 1, 10, 10)
            .weight("stem.weight", 6, 1, 3, 3)
            .node("Conv", "map", Map.of("pads", new long[] {1, 1, 1, 1}), "image", "stem.weight")
            .output("map", -1, 6, 10, 10)
            .bytes();
    Files.write(directory.resolve("model.onnx"), trunk);
    String manifest = "name: new\ntask: kind\nmodel: model.onnx\nhead: none\n" + INPUT;

    Task larger = Bundles.load(directory, manifest).task();
    Task asExported = Bundles.load(directory, manifest.replace(", size: [20, 20]", "")).task();

    assertThat(larger.featureSize()).isEqualTo(6);
    assertThat(asExported.featureSize()).isEqualTo(6);
    assertThat(larger.fingerprint()).isNotEqualTo(asExported.fingerprint());
  }

  @Test
  void recordsAndPixelsOfOneMapAreToldByTwoTasks() throws Exception {
    Bundle bundle =
        Bundles.newDense(
            directory,
            """
            tasks:
              - {name: pixels, head: dense, cut: map, labels: labels.json}
              - {name: kind, head: none}
              - {name: size, head: none, cut: map, kind: regression}
            """
                + INPUT);

    assertThat(bundle.features()).containsExactly("map", "map/headwater.average");
    assertThat(bundle.tasks()).extracting(Task::featureSize).containsExactly(600, 6, 6);
  }

  @Test
  void aMapWithoutPixelLabelsIsRefused() {
    assertThatThrownBy(() -> Bundles.newDense(directory, "head: dense\ncut: map\n" + INPUT))
        .hasMessageContaining("labels: is missing");
  }

  @Test
  void aNewHeadOfRecordsMayTakeLargerPicturesToo() throws Exception {
    Bundle bundle = Bundles.newDense(directory, "head: none\ncut: flat\n" + INPUT);

    assertThat(bundle.task().featureShapes()).singleElement().isEqualTo(new long[] {600});
  }

  private Bundle bundle(String cut, String input) throws Exception {
    return Bundles.newDense(directory, "head: dense\nlabels: labels.json\n" + cut + "\n" + input);
  }
}
