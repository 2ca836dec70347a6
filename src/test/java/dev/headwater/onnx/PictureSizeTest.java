package dev.headwater.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;

final class PictureSizeTest {
  private static final long[] TWICE = {-1, -1, 16, 24};

  /** Convolution, pooling, a squeeze-and-excitation branch, then a classifier of fixed size. */
  private static GraphFixture classifier(long... size) {
    return GraphFixture.opset(17)
        .input("image", -1, 1, size[0], size[1])
        .weight("w", 4, 1, 3, 3)
        .weight("squeeze", 4, 4)
        .integers("vector", DataType.INT64, new long[] {2}, 0, -1)
        .integers("map", DataType.INT64, new long[] {4}, 0, 4, 1, 1)
        .weight("fc", 3, 4 * 4 * 6)
        .node("Conv", "conv", Map.of("pads", new long[] {1, 1, 1, 1}), "image", "w")
        .node("Relu", "relu", "conv")
        .node("GlobalAveragePool", "mean", "relu")
        .node("Reshape", "flat", "mean", "vector")
        .node("Gemm", "gate", Map.of(), "flat", "squeeze")
        .node("Sigmoid", "open", "gate")
        .node("Reshape", "wide", "open", "map")
        .node("Mul", "weighed", "relu", "wide")
        .node(
            "MaxPool",
            "pooled",
            Map.of("kernel_shape", new long[] {2, 2}, "strides", new long[] {2, 2}),
            "weighed")
        .node("Reshape", "vectors", "pooled", "vector")
        .node("Gemm", "logits", Map.of("transB", 1), "vectors", "fc")
        .declare("pooled", -1, 4, size[0] < 0 ? -1 : 4, size[1] < 0 ? -1 : 6)
        .output("logits", -1, 3);
  }

  @Test
  void aBackboneTakesLargerPicturesUpToItsMap() throws Exception {
    // given
    OnnxFile exported = OnnxFile.parse(classifier(8, 12).bytes());

    // when
    OnnxFile resized = exported.resized("image", TWICE, List.of("pooled"));

    // then
    assertThat(resized.inputs()).singleElement().hasToString("image FLOAT[?, 1, 16, 24]");
    assertThat(resized.graph().shapes().shape("pooled"))
        .hasValueSatisfying(shape -> assertThat(shape).containsExactly(-1, 4, 8, 12));
    Map<String, OnnxTensorLike> picture = Map.of("image", Ort.noise(3, 2, 1, 16, 24));
    Ort.Values said =
        Ort.values(Ort.run(resized.backbone(List.of("pooled"), List.of()), picture).get("pooled"));
    assertThat(said.shape()).containsExactly(2, 4, 8, 12);
    Ort.Values open =
        Ort.values(
            Ort.run(
                    OnnxFile.parse(classifier(-1, -1).bytes())
                        .backbone(List.of("pooled"), List.of()),
                    picture)
                .get("pooled"));
    assertThat(said.floats())
        .as("what the same network says that was exported for any size")
        .containsExactly(open.floats(), within(1e-5f));
  }

  @Test
  void aNewHeadOnItIsOneOrdinaryFile() throws Exception {
    // given
    Split split =
        OnnxFile.parse(classifier(8, 12).bytes())
            .resized("image", TWICE, List.of("pooled"))
            .headless("pooled", new NewHead(List.of(5), 2));
    Map<String, OnnxTensorLike> picture = Map.of("image", Ort.noise(3, 2, 1, 16, 24));

    // when
    byte[] merged = split.merge(NewHeadTest.trained(split, 3));

    // then
    assertThat(Ort.values(Ort.run(merged, picture).get(split.logits())).shape())
        .as("the picture's own size")
        .containsExactly(2, 3, 16, 24);
    assertThat(OnnxFile.parse(merged).outputs())
        .singleElement()
        .hasToString("logits FLOAT[?, 3, 16, 24]");
  }

  @Test
  void whatWasMadeForOneSizeIsNamed() throws Exception {
    OnnxFile exported = OnnxFile.parse(classifier(8, 12).bytes());

    assertThatThrownBy(() -> exported.resized("image", TWICE, List.of("logits")))
        .hasMessageContaining("Gemm node with output `logits`")
        .hasMessageContaining("does not accept another image size");
    assertThatThrownBy(() -> exported.resized("image", TWICE, List.of("nowhere")))
        .hasMessageContaining("no computed tensor `nowhere`");
    byte[] positions =
        GraphFixture.opset(17)
            .input("image", -1, 1, 8, 8)
            .weight("w", 4, 1, 1, 1)
            .weight("positions", 1, 4, 8, 8)
            .node("Conv", "conv", "image", "w")
            .node("Add", "placed", "conv", "positions")
            .output("placed", -1, 4, 8, 8)
            .bytes();
    assertThatThrownBy(() -> OnnxFile.parse(positions).resized("image", TWICE, List.of("placed")))
        .hasMessageContaining(
            "Add node with output `placed` was exported for input shape [?, 4, 8, 8]");
    byte[] reshaped =
        GraphFixture.opset(17)
            .input("image", -1, 1, 8, 8)
            .weight("w", 4, 1, 1, 1)
            .integers("to", DataType.INT64, new long[] {3}, 0, 4, 64)
            .node("Conv", "conv", "image", "w")
            .node("Reshape", "rows", "conv", "to")
            .output("rows", -1, 4, 64)
            .bytes();
    assertThatThrownBy(() -> OnnxFile.parse(reshaped).resized("image", TWICE, List.of("rows")))
        .hasMessageContaining("Reshape node with output `rows`");
  }

  @Test
  void whatIsEnlargedToSizesThatAreComputedTakesAnySize() throws Exception {
    OnnxFile resized =
        OnnxFile.parse(enlarging("sizes")).resized("image", TWICE, List.of("enlarged"));

    Map<String, OnnxTensorLike> picture = Map.of("image", Ort.noise(3, 2, 1, 16, 24));
    assertThat(
            Ort.values(
                    Ort.run(resized.backbone(List.of("enlarged"), List.of()), picture)
                        .get("enlarged"))
                .shape())
        .containsExactly(2, 4, 16, 24);
    assertThatThrownBy(
            () -> OnnxFile.parse(enlarging("stored")).resized("image", TWICE, List.of("enlarged")))
        .hasMessageContaining("Resize node with output `enlarged`");
  }

  private static byte[] enlarging(String to) {
    return GraphFixture.opset(17)
        .input("image", -1, 1, 8, 12)
        .weight("w", 4, 1, 2, 2)
        .integers("stored", DataType.INT64, new long[] {4}, 1, 4, 8, 12)
        .node("Conv", "conv", Map.of("strides", new long[] {2, 2}), "image", "w")
        .node("Shape", "maps", Map.of("end", 2), "conv")
        .node("Shape", "size", Map.of("start", 2), "image")
        .node("Concat", "sizes", Map.of("axis", 0), "maps", "size")
        .node("Resize", "enlarged", "conv", "", "", to)
        .output("enlarged", -1, 4, 8, 12)
        .bytes();
  }

  @Test
  @EnabledIfEnvironmentVariable(named = "HEADWATER_DATA", matches = ".+")
  void theFashionBackboneLooksAtMicroscopePictures() throws Exception {
    Path model = Path.of(System.getenv("HEADWATER_DATA"), "fashion", "model.onnx");
    OnnxFile resized =
        OnnxFile.read(model).resized("image", new long[] {-1, -1, 128, 128}, List.of("relu_3"));

    Map<String, OnnxTensorLike> run =
        Ort.run(
            resized.backbone(List.of("relu_3"), List.of()),
            Map.of("image", Ort.noise(3, 2, 1, 128, 128)));

    long[] shape = resized.graph().shapes().shape("relu_3").orElseThrow();
    shape[0] = 2;
    assertThat(Ort.values(run.get("relu_3")).shape()).containsExactly(shape);
  }
}
