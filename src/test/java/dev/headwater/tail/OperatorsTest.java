package dev.headwater.tail;

import static dev.headwater.tail.GraphFixtures.DIM;
import static dev.headwater.tail.GraphFixtures.flat;
import static dev.headwater.tail.GraphFixtures.ints;
import static java.util.Map.of;
import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.Ort;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Each operator, as exporters of several opsets spell it, between two layers on vectors: what it
 * computes is ONNX Runtime's, and its gradient, which the first layer needs, is that of finite
 * differences.
 */
final class OperatorsTest {
  private static final List<String> STEPS = List.of("Floor", "Ceil", "Sign", "Round");

  static Stream<Arguments> pointwise() {
    return Stream.of(
            ("Relu Tanh Sigmoid Erf Neg Abs Exp Softplus Softsign Identity Sin Cos Elu Selu Celu"
                    + " LeakyRelu ThresholdedRelu HardSigmoid HardSwish Mish")
                .split(" "))
        .map(op -> flat(op, 18, g -> g.node(op, "y", "in")));
  }

  /** Without a slope worth comparing. */
  static Stream<Arguments> steps() {
    return STEPS.stream().map(op -> flat(op, 18, g -> g.node(op, "y", "in")));
  }

  /** Over two places of six features each. */
  private static Arguments attention(String name, Map<String, Object> attributes, String mask) {
    int groups = (int) attributes.get("q_num_heads") / (int) attributes.get("kv_num_heads");
    return flat(
        name,
        23,
        g ->
            ints(ints(g, "apart", 0, 2, 6), "flat", 0, DIM)
                .weight("added", 2, 2)
                .integers("ones", DataType.INT64, new long[] {2, 2}, 1, 1, 0, 1)
                .node("Cast", "seen", of("to", DataType.BOOL.getNumber()), "ones")
                .node("Reshape", "q", "in", "apart")
                .node("Tanh", "t", "q")
                .integers("some", DataType.INT64, new long[] {6 / groups}, range(6 / groups))
                .node("Gather", "k", of("axis", 2), "t", "some")
                .node("Gather", "v", of("axis", 2), "q", "some")
                .node("Attention", "a", attributes, "q", "k", "v", mask)
                .node("Reshape", "y", "a", "flat"));
  }

  private static long[] range(int end) {
    return LongStream.range(0, end).toArray();
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
        flat("Swish", 24, g -> g.node("Swish", "y", "in")),
        flat("Swish alpha", 24, g -> g.node("Swish", "y", of("alpha", 0.6f), "in")),
        flat(
            "ThresholdedRelu alpha",
            13,
            g -> g.node("ThresholdedRelu", "y", of("alpha", 0.2f), "in")),
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
        flat(
            "Tan, Sinh, Cosh",
            13,
            g ->
                g.node("Mul", "less", "in", "small")
                    .node("Tanh", "t", "less")
                    .node("Tan", "a", "t")
                    .node("Sinh", "b", "a")
                    .node("Cosh", "c", "b")
                    .node("Mul", "y", "a", "c")),
        flat(
            "Asin, Acos, Atan",
            13,
            g ->
                g.node("Tanh", "t", "in")
                    .node("Mul", "less", "t", "small")
                    .node("Asin", "a", "less")
                    .node("Acos", "b", "less")
                    .node("Atan", "c", "b")
                    .node("Mul", "y", "a", "c")),
        flat("Shrink", 13, g -> g.node("Shrink", "y", of("lambd", 0.3f, "bias", 0.3f), "in")),
        flat("Shrink hard", 13, g -> g.node("Shrink", "y", of("lambd", 0.3f), "in")),
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
        flat(
            "Cast to and fro",
            13,
            g -> g.node("Cast", "d", of("to", 11), "in").node("Cast", "y", of("to", 1), "d")),
        flat("Constant node", 13, g -> g.constant("c", DIM).node("Mul", "y", "in", "c")),
        flat(
            "Constant value_float",
            13,
            g -> g.node("Constant", "c", of("value_float", 2.5f)).node("Mul", "y", "in", "c")),
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
            "RMSNormalization",
            23,
            g -> g.weight("g", DIM).node("RMSNormalization", "y", of("epsilon", 1e-3f), "in", "g")),
        flat(
            "what ONNX Runtime called it before",
            17,
            g ->
                g.weight("g", DIM)
                    .node("SimplifiedLayerNormalization", "y", of("axis", 1), "in", "g")),
        attention("Attention", Map.of("q_num_heads", 2, "kv_num_heads", 2), ""),
        attention(
            "causal Attention", Map.of("q_num_heads", 3, "kv_num_heads", 3, "is_causal", 1), ""),
        attention(
            "heads that share keys, capped",
            Map.of("q_num_heads", 2, "kv_num_heads", 1, "softcap", 2f, "scale", .7f),
            ""),
        attention(
            "a mask and a cap",
            Map.of("q_num_heads", 2, "kv_num_heads", 2, "softcap", 2f, "is_causal", 1),
            "added"),
        attention("Attention with a mask", Map.of("q_num_heads", 2, "kv_num_heads", 2), "added"),
        attention(
            "Attention with a mask of truths", Map.of("q_num_heads", 2, "kv_num_heads", 2), "seen"),
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

  static Stream<Arguments> conditions() {
    return Stream.of(
        flat("Dropout, opset 7", 7, g -> g.node("Dropout", "y", of("ratio", 0.3f), "in")),
        flat("Dropout with mask", 10, g -> g.node("Dropout", "y,mask", of("ratio", 0.3f), "in")),
        flat("Dropout, opset 12", 12, g -> g.scalar("r", .4f).node("Dropout", "y", "in", "r")),
        flat("Dropout of nothing said", 13, g -> g.node("Dropout", "y", "in")),
        flat(
            "Dropout, opset 13",
            13,
            g ->
                g.scalar("r", .4f)
                    .tensor(GraphFixtures.truth("train", false))
                    .node("Dropout", "y", "in", "r", "train")),
        flat("Dropout's mask, opset 7", 7, g -> masked(g, "Add")),
        flat("Dropout's mask, opset 10", 10, g -> masked(g, "Where")),
        flat("Dropout's mask, opset 12", 12, g -> masked(g, "Where")),
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
        flat(
            "Where, Less",
            9,
            g ->
                g.node("Tanh", "t", "in")
                    .scalar("half", .5f)
                    .node("Mul", "h", "in", "half")
                    .node("Less", "b", "h", "t")
                    .node("Where", "y", "b", "in", "t")),
        flat("IsInf", 10, g -> infinite(g, of())),
        flat("IsInf above", 10, g -> infinite(g, of("detect_negative", 0))),
        flat("IsInf below", 20, g -> infinite(g, of("detect_positive", 0))),
        flat(
            "CastLike",
            15,
            g ->
                g.integers("i", DataType.INT64, new long[] {DIM}, 1, 2, 3)
                    .node("CastLike", "f", "i", "in")
                    .node("CastLike", "n", "in", "i")
                    .node("CastLike", "nf", "n", "in")
                    .node("Mul", "a", "in", "f")
                    .node("Add", "y", "a", "nf")),
        flat(
            "Mod of numbers",
            13,
            g ->
                g.scalar("c", 0.3f)
                    .node("Cos", "o", "in")
                    .node("Abs", "p", "o")
                    .node("Add", "q", "p", "c")
                    .node("Mod", "m", of("fmod", 1), "in", "q")
                    .node("Neg", "nq", "q")
                    .node("Mod", "n", of("fmod", 1), "in", "nq")
                    .scalar("half", .5f)
                    .node("Mul", "h", "n", "half")
                    .node("Add", "y", "m", "h")),
        flat(
            "Div of integers",
            13,
            g ->
                g.integers("a", DataType.INT64, new long[] {DIM}, 3 * 16_777_217, -50_331_650)
                    .integers("three", DataType.INT64, new long[0], 3)
                    .integers("b", DataType.INT64, new long[0], 16_777_216)
                    .node("Div", "q", "a", "three")
                    .node("Mod", "m", "q", "b")
                    .node("Cast", "f", of("to", 1), "m")
                    .node("Add", "y", "in", "f")),
        flat("Mod of integers", 13, g -> rest(g, 0)),
        flat("Mod of integers as of numbers", 13, g -> rest(g, 1)));
  }

  /** What its mask is used for changes what comes out: by adding it, or by choosing with it. */
  private static GraphFixture masked(GraphFixture g, String op) {
    g.node("Dropout", "d,mask", "in").node("Tanh", "t", "d");
    return op.equals("Add") ? g.node("Add", "y", "t", "mask") : g.node(op, "y", "mask", "d", "t");
  }

  private static GraphFixture infinite(GraphFixture g, Map<String, Object> attributes) {
    return g.scalar("zero", 0)
        .node("Div", "d", "in", "zero")
        .node("IsInf", "b", attributes, "d")
        .node("Exp", "e", "in")
        .node("Where", "y", "b", "in", "e");
  }

  /** Every sign by every sign, and nothing left over. */
  private static GraphFixture rest(GraphFixture g, int fmod) {
    return g.integers("a", DataType.INT64, new long[] {DIM}, -7, 7, -6, 5)
        .integers("b", DataType.INT64, new long[] {DIM}, 3, -3, 2)
        .node("Mod", "m", of("fmod", fmod), "a", "b")
        .node("Cast", "f", of("to", 1), "m")
        .node("Add", "y", "in", "f");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("steps")
  void isOnnxRuntimes(String name, byte[] model) throws Exception {
    try (Rebuilt rebuilt = new Rebuilt(model, "x", Map.of("x", Ort.noise(3, 2, 5)))) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"pointwise", "attributes", "conditions"})
  void isOnnxRuntimesAndLearns(String name, byte[] model) throws Exception {
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(3, 2, 5));
    try (Rebuilt rebuilt = new Rebuilt(model, "x", inputs)) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }

  /** Of those that are learned through, here or on maps, and of those that are steps. */
  @Test
  void leavesNoOperatorOut() throws Exception {
    Set<String> tried = new TreeSet<>(STEPS);
    for (Arguments one :
        Stream.of(
                pointwise(),
                attributes(),
                conditions(),
                ConditionalTest.choices(),
                ShapesTest.shapes(),
                ShapesTest.sums(),
                ShapesTest.places(),
                LayersTest.recurrent(),
                LayersTest.fused(),
                SpaceTest.convolutions(),
                SpaceTest.pools(),
                SpaceTest.resizes(),
                SpaceTest.others())
            .flatMap(all -> all)
            .toList()) {
      ModelProto model = ModelProto.parseFrom((byte[]) one.get()[1]);
      model.getGraph().getNodeList().forEach(node -> tried.add(node.getOpType()));
    }

    assertThat(tried).containsAll(Operators.BY_NAME.keySet());
  }
}
