package dev.headwater.tail;

import static java.util.Map.of;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.Ort;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each operator, as exporters of several opsets spell it, between two layers on vectors: what it
 * computes is ONNX Runtime's, and its gradient, which the first layer needs, is that of finite
 * differences.
 */
final class OperatorsTest {
  private static final int DIM = 12;

  static Stream<Arguments> pointwise() {
    return Stream.of(
            ("Relu Tanh Sigmoid Erf Neg Abs Exp Softplus Softsign Identity Sin Cos Elu Selu Celu"
                    + " LeakyRelu HardSigmoid HardSwish Mish")
                .split(" "))
        .map(op -> flat(op, 18, g -> g.node(op, "y", "in")));
  }

  /** Without a slope worth comparing. */
  static Stream<Arguments> steps() {
    return Stream.of("Floor", "Ceil", "Sign", "Round", "ThresholdedRelu")
        .map(op -> flat(op, 18, g -> g.node(op, "y", "in")));
  }

  static Stream<Arguments> attributes() {
    return Stream.of(
        flat("Gelu", 20, g -> g.node("Gelu", "y", "in")),
        flat("Gelu tanh", 20, g -> g.node("Gelu", "y", of("approximate", "tanh"), "in")),
        flat(
            "contrib Gelu",
            17,
            g -> g.importing("com.microsoft", 1).node("com.microsoft", "Gelu", "y", of(), "in")),
        flat(
            "FastGelu",
            17,
            g ->
                g.importing("com.microsoft", 1).node("com.microsoft", "FastGelu", "y", of(), "in")),
        flat(
            "QuickGelu",
            17,
            g ->
                g.importing("com.microsoft", 1)
                    .node("com.microsoft", "QuickGelu", "y", of("alpha", 1.5f), "in")),
        flat(
            "Gelu by Erf",
            13,
            g ->
                g.scalar("r", 1.4142135f)
                    .scalar("one", 1)
                    .scalar("half", .5f)
                    .node("Div", "d", "in", "r")
                    .node("Erf", "e", "d")
                    .node("Add", "a", "e", "one")
                    .node("Mul", "m", "in", "a")
                    .node("Mul", "y", "m", "half")),
        flat(
            "Gelu by Tanh",
            13,
            g ->
                g.scalar("cube", 3)
                    .scalar("k", .044715f)
                    .scalar("c", .7978845f)
                    .scalar("one", 1)
                    .scalar("half", .5f)
                    .node("Pow", "p", "in", "cube")
                    .node("Mul", "pk", "p", "k")
                    .node("Add", "s", "in", "pk")
                    .node("Mul", "sc", "s", "c")
                    .node("Tanh", "t", "sc")
                    .node("Add", "a", "t", "one")
                    .node("Mul", "m", "in", "a")
                    .node("Mul", "y", "half", "m")),
        flat("Elu alpha", 13, g -> g.node("Elu", "y", of("alpha", 0.4f), "in")),
        flat("Celu alpha", 13, g -> g.node("Celu", "y", of("alpha", 0.4f), "in")),
        flat("LeakyRelu alpha", 13, g -> g.node("LeakyRelu", "y", of("alpha", 0.3f), "in")),
        flat(
            "HardSigmoid torch",
            13,
            g -> g.node("HardSigmoid", "y", of("alpha", 1 / 6f, "beta", 0.5f), "in")),
        flat("PRelu", 13, g -> g.weight("slope", DIM).node("PRelu", "y", "in", "slope")),
        flat(
            "Clip by attributes",
            6 + 1,
            g -> g.node("Clip", "y", of("min", -0.5f, "max", 0.7f), "in")),
        flat(
            "Clip by inputs",
            11,
            g -> g.scalar("lo", -0.5f).scalar("hi", 0.7f).node("Clip", "y", "in", "lo", "hi")),
        flat("Clip below only", 13, g -> g.scalar("lo", -0.2f).node("Clip", "y", "in", "lo")),
        flat("Clip above only", 13, g -> g.scalar("hi", 0.2f).node("Clip", "y", "in", "", "hi")),
        flat("Sqrt", 13, g -> g.node("Abs", "a", "in").node("Sqrt", "y", "a")),
        flat(
            "Log",
            13,
            g ->
                g.scalar("c", 0.5f)
                    .node("Abs", "a", "in")
                    .node("Add", "b", "a", "c")
                    .node("Log", "y", "b")),
        flat(
            "Reciprocal",
            13,
            g ->
                g.scalar("c", 1f)
                    .node("Exp", "a", "in")
                    .node("Add", "b", "a", "c")
                    .node("Reciprocal", "y", "b")),
        flat("Pow 2", 13, g -> g.scalar("c", 2f).node("Pow", "y", "in", "c")),
        flat(
            "Pow integer",
            13,
            g -> g.integers("c", DataType.INT64, new long[0], 3).node("Pow", "y", "in", "c")),
        flat(
            "Sub, Div",
            13,
            g ->
                g.weight("mean", DIM)
                    .scalar("s", 3)
                    .node("Sub", "a", "in", "mean")
                    .node("Div", "y", "a", "s")),
        flat(
            "Max, Min, Sum, Mean",
            13,
            g ->
                g.node("Neg", "n", "in")
                    .node("Tanh", "t", "in")
                    .node("Max", "a", "n", "t")
                    .node("Min", "b", "in", "t", "a")
                    .node("Sum", "c", "b", "in", "a")
                    .node("Mean", "y", "c", "t")),
        flat("Dropout, opset 7", 7, g -> g.node("Dropout", "y", of("ratio", 0.3f), "in")),
        flat("Dropout with mask", 10, g -> g.node("Dropout", "y,mask", of("ratio", 0.3f), "in")),
        flat(
            "Dropout, opset 13",
            13,
            g ->
                g.scalar("r", .4f)
                    .tensor(GraphFixtures.truth("train", false))
                    .node("Dropout", "y", "in", "r", "train")),
        flat(
            "Cast to and fro",
            13,
            g -> g.node("Cast", "d", of("to", 11), "in").node("Cast", "y", of("to", 1), "d")),
        flat("Constant node", 13, g -> g.constant("c", DIM).node("Mul", "y", "in", "c")),
        flat(
            "Constant value_float",
            13,
            g -> g.node("Constant", "c", of("value_float", 2.5f)).node("Mul", "y", "in", "c")),
        flat(
            "Where, Greater",
            13,
            g ->
                g.scalar("zero", 0)
                    .node("Greater", "b", "in", "zero")
                    .node("Exp", "e", "in")
                    .node("Where", "y", "b", "in", "e")),
        flat(
            "Where, Not, Or",
            16,
            g ->
                g.scalar("z", 0)
                    .scalar("o", 0.5f)
                    .node("LessOrEqual", "b", "in", "z")
                    .node("GreaterOrEqual", "c", "in", "o")
                    .node("Or", "or", "b", "c")
                    .node("Not", "not", "or")
                    .node("IsNaN", "nan", "in")
                    .node("Xor", "xor", "not", "nan")
                    .node("And", "and", "xor", "not")
                    .node("Tanh", "e", "in")
                    .node("Where", "y", "and", "in", "e")),
        flat("Softmax", 13, g -> g.node("Softmax", "y", of("axis", -1), "in")),
        flat("Softmax, opset 11", 11, g -> g.node("Softmax", "y", "in")),
        flat("LogSoftmax", 13, g -> g.node("LogSoftmax", "y", of("axis", 1), "in")),
        flat(
            "LayerNormalization",
            17,
            g ->
                g.weight("g", DIM)
                    .weight("b", DIM)
                    .node("LayerNormalization", "y", of("epsilon", 1e-3f), "in", "g", "b")),
        flat(
            "LayerNormalization without bias",
            17,
            g -> g.weight("g", DIM).node("LayerNormalization", "y", of("axis", 1), "in", "g")),
        flat(
            "LayerNorm in parts",
            13,
            g ->
                g.scalar("two", 2)
                    .scalar("eps", 1e-5f)
                    .weight("g", DIM)
                    .weight("b", DIM)
                    .node("ReduceMean", "m", of("axes", new long[] {-1}), "in")
                    .node("Sub", "c", "in", "m")
                    .node("Pow", "p", "c", "two")
                    .node("ReduceMean", "v", of("axes", new long[] {-1}), "p")
                    .node("Add", "ve", "v", "eps")
                    .node("Sqrt", "s", "ve")
                    .node("Div", "n", "c", "s")
                    .node("Mul", "ng", "n", "g")
                    .node("Add", "y", "ng", "b")),
        flat(
            "BatchNormalization",
            15,
            g ->
                g.weight("g", DIM)
                    .weight("b", DIM)
                    .weight("m", DIM)
                    .tensor(GraphFixtures.positive("v", DIM))
                    .node(
                        "BatchNormalization", "y", of("epsilon", 1e-3f), "in", "g", "b", "m", "v")),
        flat(
            "LpNormalization",
            13,
            g -> g.node("LpNormalization", "y", of("axis", 1, "p", 2), "in")),
        flat(
            "Gemm alpha, beta",
            13,
            g ->
                g.weight("g", DIM, DIM)
                    .weight("c", DIM)
                    .node("Gemm", "y", of("alpha", 0.3f, "beta", 2f, "transB", 1), "in", "g", "c")),
        flat(
            "Gemm transA",
            13,
            g ->
                g.weight("g", DIM, DIM)
                    .node("Transpose", "t", "in")
                    .node("Gemm", "y", of("transA", 1), "t", "g")),
        flat(
            "one's own product",
            13,
            g ->
                g.node("Transpose", "t", of("perm", new long[] {1, 0}), "in")
                    .node("MatMul", "m", "in", "t")
                    .node("MatMul", "n", "m", "in")
                    .node("Mul", "y", "n", "small")));
  }

  static Stream<Arguments> shapes() {
    return Stream.of(
        flat(
            "Reshape",
            13,
            g -> ints(g, "s", -1, 3, 4).node("Reshape", "r", "in", "s").node("Flatten", "y", "r")),
        flat(
            "Reshape with 0",
            14,
            g ->
                ints(ints(g, "s", 0, 3, -1), "t", 0, -1)
                    .node("Reshape", "r", of("allowzero", 0), "in", "s")
                    .node("Reshape", "y", "r", "t")),
        flat(
            "Flatten axis",
            13,
            g ->
                ints(g, "s", 0, 3, 2, 2)
                    .node("Reshape", "r", "in", "s")
                    .node("Flatten", "f", of("axis", -1), "r")
                    .node("Flatten", "h", of("axis", 0), "f")
                    .node("Shape", "n", "in")
                    .node("Reshape", "y", "h", "n")),
        flat(
            "view(x.size(0), -1)",
            13,
            g ->
                ints(ints(ints(g, "s", 0, 3, 2, 2), "ax", 0), "rest", -1)
                    .integers("zero", DataType.INT64, new long[0], 0)
                    .node("Reshape", "r", "in", "s")
                    .node("Shape", "sh", "r")
                    .node("Gather", "n", "sh", "zero")
                    .node("Unsqueeze", "u", "n", "ax")
                    .node("Concat", "c", of("axis", 0), "u", "rest")
                    .node("Reshape", "y", "r", "c")),
        flat(
            "view(x.size(0), -1), opset 11",
            11,
            g ->
                ints(ints(g, "s", 0, 3, 2, 2), "rest", -1)
                    .integers("zero", DataType.INT64, new long[0], 0)
                    .node("Reshape", "r", "in", "s")
                    .node("Shape", "sh", "r")
                    .node("Gather", "n", "sh", "zero")
                    .node("Unsqueeze", "u", of("axes", new long[] {0}), "n")
                    .node("Concat", "c", of("axis", 0), "u", "rest")
                    .node("Reshape", "y", "r", "c")),
        flat(
            "Unsqueeze, Squeeze by attribute",
            11,
            g ->
                g.node("Unsqueeze", "u", of("axes", new long[] {1, 3}), "in")
                    .node("Tanh", "t", "u")
                    .node("Squeeze", "y", of("axes", new long[] {1, 3}), "t")),
        flat(
            "Unsqueeze, Squeeze by input",
            13,
            g ->
                ints(ints(g, "a", -1, 1), "b", 1, -1)
                    .node("Unsqueeze", "u", "in", "a")
                    .node("Tanh", "t", "u")
                    .node("Squeeze", "y", "t", "b")),
        flat(
            "Transpose",
            13,
            g ->
                ints(ints(g, "s", 0, 3, 4), "f", 0, 12)
                    .node("Reshape", "r", "in", "s")
                    .node("Transpose", "t", of("perm", new long[] {0, 2, 1}), "r")
                    .node("Reshape", "y", "t", "f")),
        flat(
            "Gather a place",
            13,
            g ->
                ints(ints(g, "s", 0, 3, 4), "e", 1, DIM)
                    .integers("i", DataType.INT64, new long[0], -1)
                    .node("Reshape", "r", "in", "s")
                    .node("Gather", "g", of("axis", 1), "r", "i")
                    .node("Concat", "y", of("axis", -1), "g", "g", "g")),
        flat(
            "Gather places",
            13,
            g ->
                ints(ints(g, "i", 3, 0, -1, 3), "j", 1, 2, 5, 7, 0, 0, 9, 1)
                    .node("Gather", "a", of("axis", 1), "in", "i")
                    .node("Gather", "b", of("axis", 1), "in", "j")
                    .node("Concat", "y", of("axis", 1), "a", "b")),
        flat(
            "Gather a table of places",
            13,
            g ->
                g.integers("i", DataType.INT64, new long[] {2, 6}, 0, 3, 5, 11, 7, 2)
                    .node("Gather", "a", of("axis", 1), "in", "i")
                    .node("Flatten", "y", "a")),
        flat(
            "GatherElements",
            13,
            g ->
                g.integers("i", DataType.INT64, new long[] {2, DIM}, 0, 1, -1)
                    .node("GatherElements", "y", of("axis", 1), "in", "i")),
        flat(
            "Slice by attributes",
            9,
            g ->
                g.node(
                        "Slice",
                        "a",
                        of(
                            "axes",
                            new long[] {1},
                            "starts",
                            new long[] {2},
                            "ends",
                            new long[] {8}),
                        "in")
                    .node("Concat", "y", of("axis", 1), "a", "a")),
        flat(
            "Slice by inputs",
            13,
            g ->
                ints(ints(ints(ints(g, "from", 1, -3), "to", 100, -99), "ax", 1, 0), "step", 2, -1)
                    .node("Slice", "a", "in", "from", "to", "ax", "step")
                    .node("Concat", "y", of("axis", 1), "a", "a")),
        flat(
            "Slice backwards",
            13,
            g ->
                ints(ints(ints(ints(g, "from", -1), "to", Long.MIN_VALUE + 1), "ax", 1), "step", -1)
                    .node("Slice", "y", "in", "from", "to", "ax", "step")),
        flat(
            "Split by attribute",
            11,
            g ->
                g.node("Split", "a,b", of("axis", 1, "split", new long[] {4, 8}), "in")
                    .node("Concat", "y", of("axis", 1), "b", "a")),
        flat(
            "Split by input",
            13,
            g ->
                ints(g, "n", 4, 8)
                    .node("Split", "a,b", of("axis", 1), "in", "n")
                    .node("Concat", "y", of("axis", 1), "b", "a")),
        flat(
            "Split evenly",
            18,
            g ->
                g.node("Split", "a,b,c", of("axis", -1, "num_outputs", 3), "in")
                    .node("Mul", "ab", "a", "b")
                    .node("Concat", "y", of("axis", 1), "ab", "c", "a")),
        flat(
            "Expand",
            13,
            g ->
                ints(ints(ints(g, "s", 2, 1, 3, 1), "first", 0), "ax", 1)
                    .integers("axes", DataType.INT64, new long[] {2}, 0, 2)
                    .node("Unsqueeze", "u", "in", "ax")
                    .node("Expand", "e", "u", "s")
                    .node("ReduceSum", "y", of("keepdims", 0), "e", "axes")),
        flat(
            "Tile",
            13,
            g ->
                ints(g, "n", 1, 2)
                    .node("Tile", "t", "in", "n")
                    .node("Split", "a,b", of("axis", 1), "t")
                    .node("Mul", "y", "a", "b")),
        flat(
            "shape arithmetic",
            13,
            g ->
                ints(ints(ints(ints(g, "one", 1), "z", 0), "rest", -1), "three", 3)
                    .scalar("half", 0.5f)
                    .integers("col", DataType.INT64, new long[0], 1)
                    .node("Shape", "sh", "in")
                    .node("Gather", "w", of("axis", 0), "sh", "one")
                    .node("Cast", "wf", of("to", 1), "w")
                    .node("Mul", "hf", "wf", "half")
                    .node("Floor", "fl", "hf")
                    .node("Cast", "h", of("to", 7), "fl")
                    .node("Slice", "n", "sh", "z", "one")
                    .node("Concat", "s", of("axis", 0), "n", "h", "rest")
                    .node("ConstantOfShape", "ones", of("value", GraphFixtures.one(1)), "three")
                    .node("Mul", "s1", "s", "ones")
                    .node("Equal", "eq", "s", "rest")
                    .node("Where", "s2", "eq", "s", "s1")
                    .node("Reshape", "r", "in", "s2")
                    .node("Flatten", "y", "r")),
        flat(
            "Range",
            13,
            g ->
                g.integers("a", DataType.INT64, new long[0], 2)
                    .integers("b", DataType.INT64, new long[0], 14)
                    .integers("c", DataType.INT64, new long[0], 1)
                    .node("Range", "i", "a", "b", "c")
                    .node("Cast", "f", of("to", 1), "i")
                    .node("Mul", "y", "in", "f")),
        flat("ReduceMean by attribute", 13, g -> reduced(g, "ReduceMean", true)),
        flat("ReduceMean by input", 18, g -> reduced(g, "ReduceMean", false)),
        flat("ReduceSum by attribute", 11, g -> reduced(g, "ReduceSum", true)),
        flat("ReduceSum by input", 13, g -> reduced(g, "ReduceSum", false)),
        flat("ReduceMax", 13, g -> reduced(g, "ReduceMax", true)),
        flat("ReduceMin", 18, g -> reduced(g, "ReduceMin", false)),
        flat("ReduceL1", 13, g -> reduced(g, "ReduceL1", true)),
        flat("ReduceL2", 13, g -> reduced(g, "ReduceL2", true)),
        flat("ReduceSumSquare", 13, g -> reduced(g, "ReduceSumSquare", true)),
        flat("ReduceLogSumExp", 13, g -> reduced(g, "ReduceLogSumExp", true)),
        flat("ReduceProd", 13, g -> reduced(g, "ReduceProd", true)),
        flat(
            "ReduceMean of all",
            13,
            g -> g.node("ReduceMean", "m", of("keepdims", 0), "in").node("Mul", "y", "in", "m")),
        flat(
            "MatMul of batches",
            13,
            g ->
                ints(ints(g, "s", 0, 3, 4), "f", 0, DIM)
                    .weight("q", 2, 4, 4)
                    .node("Reshape", "r", "in", "s")
                    .integers("ax", DataType.INT64, new long[] {1}, 1)
                    .node("Unsqueeze", "u", "r", "ax")
                    .node("MatMul", "m", "u", "q")
                    .integers("ra", DataType.INT64, new long[] {1}, 1)
                    .node("ReduceSum", "z", of("keepdims", 0), "m", "ra")
                    .node("Reshape", "y", "z", "f")));
  }

  /** Over two axes, not kept, and back to the first layer's width by multiplying. */
  private static GraphFixture reduced(GraphFixture g, String op, boolean attribute) {
    ints(ints(g, "s", 0, 3, 4), "ax", 1, 2).node("Reshape", "r", "in", "s");
    if (attribute) {
      g.node(op, "m", of("keepdims", 0, "axes", new long[] {2, 1}), "r");
    } else {
      g.node(op, "m", of("keepdims", 0), "r", "ax");
    }
    return ints(g, "back", -1, 1).node("Reshape", "c", "m", "back").node("Mul", "y", "in", "c");
  }

  private static GraphFixture ints(GraphFixture graph, String name, long... values) {
    return graph.integers(name, DataType.INT64, new long[] {values.length}, values);
  }

  /** x → MatMul → in → the operator → y → Gemm → logits. */
  private static Arguments flat(String name, long opset, UnaryOperator<GraphFixture> operator) {
    GraphFixture graph =
        GraphFixture.opset(opset)
            .input("x", -1, 5)
            .weight("w1", 5, DIM)
            .weight("b1", DIM)
            .scalar("small", 0.4f)
            .node("Mul", "scaled", "x", "small")
            .node("MatMul", "hidden", "scaled", "w1")
            .node("Add", "in", "hidden", "b1");
    byte[] model =
        operator
            .apply(graph)
            .weight("w2", DIM, 3)
            .weight("b2", 3)
            .node("Gemm", "logits", "y", "w2", "b2")
            .output("logits", -1, 3)
            .bytes();
    return Arguments.of(name, model);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("steps")
  void isOnnxRuntimes(String name, byte[] model) throws Exception {
    try (Rebuilt rebuilt = new Rebuilt(model, "x", Map.of("x", Ort.noise(3, 2, 5)))) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"pointwise", "attributes", "shapes"})
  void isOnnxRuntimesAndLearns(String name, byte[] model) throws Exception {
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(3, 2, 5));
    try (Rebuilt rebuilt = new Rebuilt(model, "x", inputs)) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }
}
