package dev.headwater.tail;

import static dev.headwater.tail.GraphFixtures.DIM;
import static dev.headwater.tail.GraphFixtures.flat;
import static dev.headwater.tail.GraphFixtures.ints;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Ort;
import dev.headwater.onnx.Parameter;
import dev.headwater.onnx.Split;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Choices, as PyTorch's older exporter writes them, between two layers on vectors. */
final class ConditionalTest {
  static Stream<Arguments> choices() {
    return Stream.of(
        flat("a squeeze of a known size", 13, g -> squeeze(g, 1)),
        flat("a squeeze of a size that stays", 13, g -> squeeze(g, 2)),
        flat(
            "by how many records there are",
            13,
            g ->
                size(g, 0, 2)
                    .node(
                        "If", "y", Map.of("then_branch", scaled(), "else_branch", same("s")), "b")),
        flat(
            "within another",
            16,
            g ->
                size(g, 0, 1)
                    .node("Not", "n", "b")
                    .node(
                        "If", "y", Map.of("then_branch", nested(), "else_branch", same("v")), "n")),
        flat(
            "of several outputs",
            13,
            g ->
                size(g, 0, 1)
                    .node(
                        "If",
                        "p,q",
                        Map.of("then_branch", pair("in"), "else_branch", pair("t")),
                        "b")
                    .node("Mul", "y", "p", "q")));
  }

  /** Of the sizes of {@code in}: whether this one is that. */
  private static GraphFixture size(GraphFixture g, int axis, long size) {
    return g.integers("axis", DataType.INT64, new long[0], axis)
        .integers("size", DataType.INT64, new long[0], size)
        .weight("k", DIM)
        .node("Tanh", "t", "in")
        .node("Shape", "sh", "t")
        .node("Gather", "n0", "sh", "axis")
        .node("Equal", "b", "n0", "size");
  }

  private static GraphFixture squeeze(GraphFixture g, int size) {
    GraphProto squeezed =
        ints(GraphFixture.opset(13), "two", 2).node("Squeeze", "s", "r", "two").output("s").graph();
    GraphProto kept = GraphFixture.opset(13).node("Identity", "s", "r").output("s").graph();
    return ints(ints(ints(g, "apart", 0, DIM / size, size), "place", 2), "flat", 0, DIM)
        .integers("one", DataType.INT64, new long[] {1}, 1)
        .node("Reshape", "r", "in", "apart")
        .node("Shape", "sh", "r")
        .node("Gather", "n", "sh", "place")
        .node("Equal", "b", "n", "one")
        .node("If", "chosen", Map.of("then_branch", squeezed, "else_branch", kept), "b")
        .node("Reshape", "y", "chosen", "flat");
  }

  private static GraphProto same(String output) {
    return GraphFixture.opset(13).node("Identity", output, "in").output(output).graph();
  }

  private static GraphProto scaled() {
    return GraphFixture.opset(13)
        .scalar("f", 0.7f)
        .node("Mul", "ink", "in", "k")
        .node("Mul", "less", "ink", "f")
        .output("less")
        .graph();
  }

  private static GraphProto nested() {
    return GraphFixture.opset(13)
        .scalar("c", 0.5f)
        .node("Add", "s", "t", "c")
        .node("Shape", "inner", "s")
        .node("Size", "rank", "inner")
        .node("Equal", "two", "rank", "size")
        .node("If", "u", Map.of("then_branch", scaled(), "else_branch", product()), "two")
        .output("u")
        .graph();
  }

  /** Of what both graphs around it make. */
  private static GraphProto product() {
    return GraphFixture.opset(13).node("Mul", "m", "s", "in").output("m").graph();
  }

  private static GraphProto pair(String outer) {
    return GraphFixture.opset(13)
        .node("Exp", "e", "t")
        .node("Identity", "o", outer)
        .output("e")
        .output("o")
        .graph();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("choices")
  void isOnnxRuntimesAndLearns(String name, byte[] model) throws Exception {
    for (int records : new int[] {1, 2}) {
      try (Rebuilt rebuilt = new Rebuilt(model, "x", Map.of("x", Ort.noise(3, records, 5)))) {
        rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
        rebuilt.hasTheGradientOfFiniteDifferences();
      }
    }
  }

  @Test
  void oneThatIsAlwaysTakenIsSpeltOutAndItsLayersLearn() throws Exception {
    byte[] constant = chooses(g -> g.tensor(GraphFixtures.truth("b", true)));
    byte[] rank =
        chooses(
            g ->
                g.integers("two", DataType.INT64, new long[0], 2)
                    .node("Shape", "sizes", "h")
                    .node("Size", "rank", "sizes")
                    .node("Equal", "b", "rank", "two"));
    for (byte[] model : List.of(constant, rank)) {
      Split split = OnnxFile.parse(model).split("-2");

      assertThat(split.headModel().getGraph().getNodeList())
          .extracting(NodeProto::getOpType)
          .doesNotContain("If");
      assertThat(split.parameters()).extracting(Parameter::name).contains("y/inner");
      try (Rebuilt rebuilt = new Rebuilt(split, Map.of("x", Ort.noise(3, 2, 4)))) {
        rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      }
    }
  }

  @Test
  void twoWithoutNamesAreSpeltOutToo() throws Exception {
    ModelProto.Builder model =
        GraphFixture.opset(13)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .tensor(GraphFixtures.truth("b", true))
            .node("Relu", "h", "x")
            .node("If", "a", Map.of("then_branch", layer(), "else_branch", layer()), "b")
            .node("If", "c", Map.of("then_branch", layer(), "else_branch", layer()), "b")
            .node("Add", "y", "a", "c")
            .node("MatMul", "logits", "y", "w")
            .output("logits", -1, 3)
            .model()
            .toBuilder();
    model.getGraphBuilder().getNodeBuilderList().forEach(NodeProto.Builder::clearName);

    try (Rebuilt rebuilt =
        new Rebuilt(model.build().toByteArray(), "h", Map.of("x", Ort.noise(3, 2, 4)))) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
    }
  }

  @Test
  void oneWithinAnotherIsSpeltOutToo() throws Exception {
    GraphProto other = GraphFixture.opset(13).node("Identity", "o", "h").output("o").graph();
    GraphProto nested =
        GraphFixture.opset(13)
            .node("If", "o", Map.of("then_branch", layer(), "else_branch", other), "b")
            .output("o")
            .graph();
    byte[] model =
        GraphFixture.opset(13)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .tensor(GraphFixtures.truth("b", true))
            .node("Relu", "h", "x")
            .node("If", "y", Map.of("then_branch", nested, "else_branch", other), "b")
            .node("MatMul", "logits", "y", "w")
            .output("logits", -1, 3)
            .bytes();

    try (Rebuilt rebuilt = new Rebuilt(model, "-2", Map.of("x", Ort.noise(3, 2, 4)))) {
      assertThat(rebuilt.split().parameters())
          .extracting(Parameter::name)
          .containsExactlyInAnyOrder("y/o/y/inner", "w");
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }

  @Test
  void namesOneThatDependsOnValues() throws Exception {
    byte[] model =
        chooses(
            g ->
                g.scalar("zero", 0)
                    .node("ReduceSum", "sum", Map.of("keepdims", 0), "h")
                    .node("Greater", "b", "sum", "zero"));

    assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("h")))
        .hasMessageContaining("If node with output `y` branches on tensor values instead of shapes")
        .hasMessageContaining("The nearest valid cut is -1, at `y`");
  }

  @Test
  void namesWhatABranchHoldsThatCannotBeRebuilt() throws Exception {
    GraphProto hard = GraphFixture.opset(13).node("Hardmax", "s", "h").output("s").graph();
    byte[] model =
        GraphFixture.opset(13)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .integers("ten", DataType.INT64, new long[0], 10)
            .node("Relu", "h", "x")
            .node("Size", "n", "h")
            .node("Less", "b", "n", "ten")
            .node("If", "y", Map.of("then_branch", hard, "else_branch", hard), "b")
            .node("MatMul", "logits", "y", "w")
            .output("logits", -1, 3)
            .bytes();

    assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("x")))
        .hasMessageContaining(
            "If node with output `y` contains a node Hardmax that is not supported");
  }

  private static GraphProto layer() {
    return GraphFixture.opset(13)
        .weight("inner", 4, 4)
        .node("MatMul", "m", "h", "inner")
        .output("m")
        .graph();
  }

  private static byte[] chooses(UnaryOperator<GraphFixture> condition) {
    GraphProto same = GraphFixture.opset(13).node("Identity", "m", "h").output("m").graph();
    return condition
        .apply(GraphFixture.opset(13).input("x", -1, 4).weight("w", 4, 3).node("Relu", "h", "x"))
        .node("If", "y", Map.of("then_branch", layer(), "else_branch", same), "b")
        .node("MatMul", "logits", "y", "w")
        .output("logits", -1, 3)
        .bytes();
  }
}
