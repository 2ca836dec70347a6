package dev.headwater.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A linear head is found, lifted and merged however it is spelt. */
final class LinearHeadTest {
  private static final int DIM = 5;
  private static final int CLASSES = 3;

  static Stream<Arguments> spellings() {
    return Stream.of(
        spelling("Gemm, transB", GraphFixture.gemm(DIM, CLASSES), true),
        spelling(
            "Gemm",
            base().weight("w", DIM, CLASSES).weight("b", CLASSES).node("Gemm", "y", "x", "w", "b"),
            false),
        spelling(
            "Gemm without bias",
            base().weight("w", CLASSES, DIM).node("Gemm", "y", Map.of("transB", 1), "x", "w"),
            true),
        spelling(
            "Gemm with a blank bias",
            base().weight("w", DIM, CLASSES).node("Gemm", "y", "x", "w", ""),
            false),
        spelling(
            "Gemm with alpha and beta",
            base()
                .weight("w", CLASSES, DIM)
                .weight("b", CLASSES)
                .node("Gemm", "y", Map.of("transB", 1, "alpha", 0.3f, "beta", -2f), "x", "w", "b"),
            true),
        spelling(
            "Gemm with one bias for all",
            base().weight("w", DIM, CLASSES).scalar("b", 0.7f).node("Gemm", "y", "x", "w", "b"),
            false),
        spelling(
            "Gemm with a row as bias",
            base()
                .weight("w", DIM, CLASSES)
                .weight("b", 1, CLASSES)
                .node("Gemm", "y", "x", "w", "b"),
            false),
        spelling(
            "Gemm, then Add",
            base()
                .weight("w", DIM, CLASSES)
                .weight("b", CLASSES)
                .node("Gemm", "m", "x", "w")
                .node("Add", "y", "m", "b"),
            false),
        spelling("MatMul", base().weight("w", DIM, CLASSES).node("MatMul", "y", "x", "w"), false),
        spelling(
            "MatMul, Add",
            base()
                .weight("w", DIM, CLASSES)
                .weight("b", CLASSES)
                .node("MatMul", "m", "x", "w")
                .node("Add", "y", "m", "b"),
            false),
        spelling("MatMul, Add from the left", GraphFixture.matMulAdd(CLASSES, -1, DIM), false),
        spelling(
            "MatMul, Add of a row",
            base()
                .weight("w", DIM, CLASSES)
                .weight("b", 1, CLASSES)
                .node("MatMul", "m", "x", "w")
                .node("Add", "y", "m", "b"),
            false),
        spelling(
            "Constant nodes",
            base()
                .constant("w", DIM, CLASSES)
                .constant("b", CLASSES)
                .node("MatMul", "m", "x", "w")
                .node("Add", "y", "m", "b"),
            false),
        spelling(
            "Transpose of an initializer",
            base()
                .weight("w", CLASSES, DIM)
                .weight("b", CLASSES)
                .node("Transpose", "t", Map.of("perm", new long[] {1, 0}), "w")
                .node("MatMul", "m", "x", "t")
                .node("Add", "y", "m", "b"),
            false),
        spelling(
            "Transpose without perm, Gemm transB",
            base()
                .weight("w", DIM, CLASSES)
                .node("Transpose", "t", "w")
                .node("Gemm", "y", Map.of("transB", 1), "x", "t"),
            true),
        spelling(
            "Identity of Identity",
            base()
                .weight("w", DIM, CLASSES)
                .node("Identity", "i", "w")
                .node("Identity", "j", "i")
                .node("MatMul", "y", "x", "j"),
            false),
        spelling(
            "half precision, cast",
            base()
                .tensor(half("w", DIM, CLASSES))
                .node("Cast", "f", Map.of("to", 1), "w")
                .node("MatMul", "y", "x", "f"),
            false),
        spelling(
            "opset 8, initializers as inputs",
            GraphFixture.opset(8)
                .input("x", -1, DIM)
                .weight("w", DIM, CLASSES)
                .weight("b", CLASSES)
                .initializersAsInputs()
                .node("MatMul", "m", "x", "w")
                .node("Add", "y", "m", "b")
                .output("y", -1, CLASSES),
            false));
  }

  private static GraphFixture base() {
    return GraphFixture.opset(17).input("x", -1, DIM);
  }

  private static Arguments spelling(String name, GraphFixture graph, boolean classesFirst) {
    boolean open = graph.graph().getOutputCount() == 0;
    return spelling(name, (open ? graph.output("y", -1, CLASSES) : graph).bytes(), classesFirst);
  }

  private static Arguments spelling(String name, byte[] model, boolean classesFirst) {
    return Arguments.of(name, model, classesFirst);
  }

  /** 1, -2, 3, ... in FLOAT16. */
  private static TensorProto half(String name, int rows, int columns) {
    byte[] raw = new byte[rows * columns * 2];
    for (int i = 0; i < rows * columns; i++) {
      raw[2 * i + 1] = (byte) (i % 2 == 0 ? 0x3c : 0xc0);
    }
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(DataType.FLOAT16_VALUE)
        .addDims(rows)
        .addDims(columns)
        .setRawData(ByteString.copyFrom(raw))
        .build();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("spellings")
  void saysWhatTheWholeSays(String name, byte[] model, boolean classesFirst) throws Exception {
    // given
    OnnxFile file = OnnxFile.parse(model);
    Split split = file.split("auto");
    Map<String, OnnxTensorLike> inputs = Map.of(file.inputs().get(0).name(), Ort.noise(3, 4, DIM));

    // when
    Ort.Values whole = first(Ort.run(model, inputs));
    Ort.Values parts = first(Ort.runSplit(split, inputs));
    Ort.Values merged = first(Ort.run(split.merge(split.parameters()), inputs));

    // then
    LinearLayer linear = split.linear().orElseThrow();
    assertThat(linear.classesFirst()).as("layout").isEqualTo(classesFirst);
    assertThat(split.dim()).as("width of the features").isEqualTo(DIM);
    assertThat(split.parameters().get(0).shape())
        .as("weight, as the layer eats it")
        .containsExactly(classesFirst ? new long[] {CLASSES, DIM} : new long[] {DIM, CLASSES});
    assertThat(split.parameters())
        .as("a bias is a parameter")
        .hasSize(linear.bias() == null ? 1 : 2);
    assertThat(parts.shape()).containsExactly(4, CLASSES);
    assertThat(parts.floats()).as("in parts").containsExactly(whole.floats(), within(1e-6f));
    assertThat(merged.floats()).as("merged").containsExactly(whole.floats(), within(1e-6f));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("spellings")
  void takesMoreClassesInTheSameSession(String name, byte[] model, boolean classesFirst)
      throws Exception {
    // given
    OnnxFile file = OnnxFile.parse(model);
    Split split = file.split("auto");
    List<Parameter> grown = grown(split);
    Map<String, OnnxTensorLike> inputs = Map.of(file.inputs().get(0).name(), Ort.noise(3, 4, DIM));
    Map<String, OnnxTensorLike> features = Ort.run(split.backbone(), inputs);

    try (Ort head = new Ort(split.head())) {
      // when
      Ort.Values before = first(head.run(with(features, split.parameters())));
      Ort.Values after = first(head.run(with(features, grown)));
      byte[] merged = split.merge(grown);

      // then
      assertThat(after.shape()).as("one class more").containsExactly(4, CLASSES + 1);
      for (int row = 0; row < 4; row++) {
        int from = row * (CLASSES + 1);
        assertThat(Arrays.copyOfRange(after.floats(), from, from + CLASSES))
            .as("old classes score as they did")
            .containsExactly(
                Arrays.copyOfRange(before.floats(), row * CLASSES, (row + 1) * CLASSES),
                within(1e-6f));
      }
      assertThat(OnnxFile.parse(merged).outputs().get(0).shape())
          .as("the merged file declares the new class")
          .containsExactly(-1, CLASSES + 1);
      assertThat(first(Ort.run(merged, inputs)).floats())
          .as("the merged file says what the head says")
          .containsExactly(after.floats(), within(1e-6f));
    }
  }

  @Test
  void splitsAMergedFileAgainIntoTheSameParameters() throws Exception {
    // given
    Split split = OnnxFile.parse(GraphFixture.mlp(DIM, 7, CLASSES)).split("auto");

    // when
    Split again = OnnxFile.parse(split.merge(grown(split))).split("auto");

    // then
    assertThat(again.parameters()).isEqualTo(grown(split));
    assertThat(again.linear()).isEqualTo(split.linear());
    assertThat(again.backbone())
        .as("the same backbone to the byte: its hash is what heads are bound to")
        .isEqualTo(split.backbone());
  }

  /** The same parameters with one class more, whose weights are all 0.5. */
  static List<Parameter> grown(Split split) {
    LinearLayer linear = split.linear().orElseThrow();
    List<Parameter> grown = new ArrayList<>();
    for (Parameter parameter : split.parameters()) {
      long[] shape = parameter.shape().clone();
      int axis = parameter.name().equals(linear.bias()) || linear.classesFirst() ? 0 : 1;
      int rows = axis == 0 ? 1 : (int) shape[0];
      int width = parameter.values().length / rows;
      int added = (int) (width / shape[axis]);
      float[] values = new float[rows * (width + added)];
      Arrays.fill(values, 0.5f);
      for (int row = 0; row < rows; row++) {
        System.arraycopy(parameter.values(), row * width, values, row * (width + added), width);
      }
      shape[axis]++;
      grown.add(new Parameter(parameter.name(), shape, values));
    }
    return grown;
  }

  static Map<String, OnnxTensorLike> with(
      Map<String, OnnxTensorLike> features, List<Parameter> parameters) throws Exception {
    Map<String, OnnxTensorLike> inputs = new LinkedHashMap<>(features);
    inputs.putAll(Ort.parameters(parameters));
    return inputs;
  }

  static Ort.Values first(Map<String, OnnxTensorLike> outputs) {
    return Ort.values(outputs.values().iterator().next());
  }
}
