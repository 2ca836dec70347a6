package dev.headwater.tail;

import static dev.headwater.tail.GraphFixtures.DIM;
import static dev.headwater.tail.GraphFixtures.faint;
import static dev.headwater.tail.GraphFixtures.flat;
import static dev.headwater.tail.GraphFixtures.ints;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Ort;
import java.util.HashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Recurrent layers, and those that ONNX Runtime's optimiser makes: as in {@link OperatorsTest}. */
final class LayersTest {
  private static final String DOMAIN = "com.microsoft";

  static Stream<Arguments> recurrent() {
    Map<String, Object> plain = Map.of();
    Map<String, Object> reverse = Map.of("direction", "reverse");
    Map<String, Object> both = Map.of("direction", "bidirectional");
    return Stream.of(
        sequence("LSTM", 4, "forward", plain, "w", "r"),
        sequence("LSTM", 4, "biased", plain, "w", "r", "b"),
        sequence("LSTM", 4, "reverse", reverse, "w", "r", "b"),
        sequence("LSTM", 4, "bidirectional", both, "w", "r", "b"),
        sequence("LSTM", 4, "with a state", both, "w", "r", "b", "", "h", "c"),
        sequence("LSTM", 4, "without coupled gates", Map.of("input_forget", 0), "w", "r", "b"),
        sequence("GRU", 3, "forward", plain, "w", "r"),
        sequence("GRU", 3, "biased", plain, "w", "r", "b"),
        sequence("GRU", 3, "of PyTorch", Map.of("linear_before_reset", 1), "w", "r", "b"),
        sequence(
            "GRU",
            3,
            "of PyTorch, bidirectional",
            Map.of("linear_before_reset", 1, "direction", "bidirectional"),
            "w",
            "r",
            "b",
            "",
            "h"),
        sequence("GRU", 3, "reverse", reverse, "w", "r", "b", "", "h"),
        sequence("RNN", 1, "forward", plain, "w", "r", "b"),
        sequence("RNN", 1, "bidirectional", both, "w", "r", "b", "", "h"),
        sequence(
            "LSTM", 4, "otherwise", activations("HardSigmoid", "Elu", "Softsign"), "w", "r", "b"),
        sequence(
            "LSTM",
            4,
            "otherwise each way",
            Map.of(
                "direction",
                "bidirectional",
                "activations",
                new String[] {"Sigmoid", "Tanh", "LeakyRelu", "HardSigmoid", "Softplus", "Tanh"}),
            "w",
            "r",
            "b"),
        sequence("GRU", 3, "otherwise", activations("HardSigmoid", "LeakyRelu"), "w", "r", "b"),
        sequence("RNN", 1, "otherwise", activations("Relu"), "w", "r", "b"));
  }

  private static Map<String, Object> activations(String... names) {
    return Map.of("activations", names);
  }

  /** Four places of three features; what is made of all of them, and at the last. */
  private static Arguments sequence(
      String op, int gates, String name, Map<String, Object> attributes, String... inputs) {
    int ways = "bidirectional".equals(attributes.get("direction")) ? 2 : 1;
    int width = DIM / ways;
    Map<String, Object> all = new HashMap<>(attributes);
    all.put("hidden_size", width);
    boolean cell = op.equals("LSTM");
    String[] ends = cell ? new String[] {"last", "cell"} : new String[] {"last"};
    String[] fed = Stream.concat(Stream.of("turned"), Stream.of(inputs)).toArray(String[]::new);
    return flat(
        op + " " + name,
        14,
        g ->
            ints(ints(g, "places", 0, 4, 3), "vectors", 0, DIM)
                .tensor(faint("w", ways, gates * width, 3))
                .tensor(faint("r", ways, gates * width, width))
                .tensor(faint("b", ways, 2 * gates * width))
                .tensor(faint("h", ways, 2, width))
                .tensor(faint("c", ways, 2, width))
                .node("Reshape", "apart", "in", "places")
                .node("Transpose", "turned", Map.of("perm", new long[] {1, 0, 2}), "apart")
                .node(op, cell ? "all,last,cell" : "all,last", all, fed)
                .node("Sum", "ends", ends)
                .node("Transpose", "l", Map.of("perm", new long[] {1, 0, 2}), "ends")
                .node("Reshape", "end", "l", "vectors")
                .node("Transpose", "a", Map.of("perm", new long[] {2, 0, 1, 3}), "all")
                .node("ReduceMean", "m", Map.of("axes", new long[] {1}, "keepdims", 0), "a")
                .node("Reshape", "mean", "m", "vectors")
                .node("Mul", "y", "end", "mean"));
  }

  private static Arguments fused(String name, UnaryOperator<GraphFixture> operator) {
    return flat(name, 17, g -> operator.apply(g.importing(DOMAIN, 1)));
  }

  static Stream<Arguments> fused() {
    return Stream.of(
        fused(
            "BiasGelu", g -> g.weight("b", DIM).node(DOMAIN, "BiasGelu", "y", Map.of(), "in", "b")),
        fused(
            "FastGelu", g -> g.weight("b", DIM).node(DOMAIN, "FastGelu", "y", Map.of(), "in", "b")),
        product("alpha", Map.of("alpha", 0.4f), new long[] {2, 3, 4}, 4, 5),
        product("transB", Map.of("transB", 1), new long[] {2, 3, 4}, 5, 4),
        product("transA", Map.of("transA", 1, "alpha", 2f), new long[] {2, 3, 4}, 2, 3, 5),
        product("transBatchA", Map.of("transBatchA", 1), new long[] {3, 2, 4}, 2, 4, 5),
        product("both", Map.of("transBatchA", 1, "transA", 1), new long[] {4, 2, 3}, 2, 4, 5),
        product("transBatchB", Map.of("transBatchB", 1), new long[] {2, 3, 4}, 4, 2, 5),
        gemm(Map.of("activation", "Relu")),
        gemm(Map.of("activation", "Tanh", "alpha", 0.3f, "beta", 2f)),
        gemm(Map.of("activation", "LeakyRelu", "activation_alpha", 0.3f)),
        gemm(Map.of("activation", "Elu", "activation_alpha", 0.3f, "activation_beta", 0.4f)),
        gemm(Map.of("activation", "HardSigmoid", "activation_alpha", .3f, "activation_beta", .4f)),
        skipped("SkipLayerNormalization", "y", "in", "t", "g"),
        skipped("SkipLayerNormalization", "y", "in", "t", "g", "b"),
        skipped("SkipLayerNormalization", "n,,,s", "in", "t", "g", "b", "c"),
        skipped("SkipLayerNormalization", "n,,,s", "in", "t", "g", "", "c"),
        skipped("SkipSimplifiedLayerNormalization", "y", "in", "t", "g"),
        skipped("SkipSimplifiedLayerNormalization", "n,,,s", "in", "t", "g", "c"),
        convolution(Map.of("activation", "Relu"), "map", "w", "b"),
        convolution(Map.of("activation", "Tanh"), "map", "w", "b"),
        convolution(Map.of(), "map", "w", "b", "map"),
        convolution(
            Map.of("activation", "HardSigmoid", "activation_params", new float[] {0.3f, 0.6f}),
            "map",
            "w"),
        convolution(
            Map.of("activation", "LeakyRelu", "activation_params", new float[] {0.2f}),
            "map",
            "w",
            "b"),
        convolution(
            Map.of("activation", "Clip", "activation_params", new float[] {-0.5f, 0.7f}),
            "map",
            "w"),
        convolution(Map.of("activation", "Sigmoid"), "map", "w", "b", "map"));
  }

  private static Arguments product(
      String name, Map<String, Object> attributes, long[] left, long... right) {
    return fused(
        "FusedMatMul " + name,
        g ->
            ints(g, "shape", left)
                .tensor(faint("r", right))
                .node("Reshape", "l", "in", "shape")
                .node(DOMAIN, "FusedMatMul", "p", attributes, "l", "r")
                .weight("each", 5)
                .node("Mul", "m", "p", "each")
                .node("ReduceMean", "s", Map.of("keepdims", 0), "m")
                .node("Mul", "y", "in", "s"));
  }

  private static Arguments gemm(Map<String, Object> attributes) {
    return fused(
        "FusedGemm " + attributes.get("activation"),
        g ->
            g.weight("g", DIM, DIM)
                .weight("c", DIM)
                .node(DOMAIN, "FusedGemm", "y", attributes, "in", "g", "c"));
  }

  private static Arguments skipped(String op, String outputs, String... inputs) {
    return fused(
        op + " of " + inputs.length + " to " + outputs,
        g -> {
          g.weight("g", DIM)
              .weight("b", DIM)
              .weight("c", DIM)
              .node("Tanh", "t", "in")
              .node(DOMAIN, op, outputs, Map.of("epsilon", 1e-3f), inputs);
          return outputs.equals("y") ? g : g.node("Mul", "y", "n", "s");
        });
  }

  private static Arguments convolution(Map<String, Object> attributes, String... inputs) {
    Map<String, Object> all = new HashMap<>(attributes);
    all.put("pads", new long[] {1, 1, 1, 1});
    all.put("kernel_shape", new long[] {3, 3});
    return fused(
        "FusedConv " + attributes.get("activation"),
        g ->
            ints(ints(g, "maps", 0, 3, 2, 2), "vectors", 0, DIM)
                .tensor(faint("w", 3, 3, 3, 3))
                .weight("b", 3)
                .node("Reshape", "map", "in", "maps")
                .node(DOMAIN, "FusedConv", "c", all, inputs)
                .node("Reshape", "y", "c", "vectors"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"recurrent", "fused"})
  void isOnnxRuntimesAndLearns(String name, byte[] model) throws Exception {
    try (Rebuilt rebuilt = new Rebuilt(model, "x", Map.of("x", Ort.noise(3, 2, 5)))) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }

  /** As PyTorch exports two layers of it on batches first. */
  @ParameterizedTest
  @CsvSource({"-1, last", "-2, all1.by.record", "-3, x", "turned, x", "between, all1.by.record"})
  void isCutWhereRecordsComeFirst(String cut, String feature) throws Exception {
    Map<String, Object> turn = Map.of("perm", new long[] {1, 0, 2});
    byte[] model =
        ints(ints(GraphFixture.opset(14).input("x", -1, 4, 3), "one", 1), "zero", 0)
            .tensor(faint("w1", 1, 24, 3))
            .tensor(faint("r1", 1, 24, 6))
            .tensor(faint("w2", 1, 24, 6))
            .tensor(faint("r2", 1, 24, 6))
            .weight("k", 6, 3)
            .node("Transpose", "turned", turn, "x")
            .node("LSTM", "all1", Map.of("hidden_size", 6), "turned", "w1", "r1")
            .node("Squeeze", "between", "all1", "one")
            .node("LSTM", "all2,end", Map.of("hidden_size", 6), "between", "w2", "r2")
            .node("Squeeze", "last", "end", "zero")
            .node("MatMul", "y", "last", "k")
            .output("y", -1, 3)
            .bytes();
    try (Rebuilt rebuilt = new Rebuilt(model, cut, Map.of("x", Ort.noise(3, 2, 4, 3)))) {
      assertThat(rebuilt.split().features()).containsExactly(feature);
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }

  /** Of all that it makes, only the state at the end is asked for. */
  @Test
  void cutsBeforeARecurrentLayerWhoseFirstOutputIsLeftOut() throws Exception {
    byte[] model =
        ints(GraphFixture.opset(14).input("x", -1, 4, 3), "zero", 0)
            .tensor(faint("w", 1, 24, 3))
            .tensor(faint("r", 1, 24, 6))
            .node("Transpose", "turned", Map.of("perm", new long[] {1, 0, 2}), "x")
            .node("LSTM", ",end", Map.of("hidden_size", 6), "turned", "w", "r")
            .node("Squeeze", "y", "end", "zero")
            .output("y", -1, 6)
            .bytes();
    try (Rebuilt rebuilt = new Rebuilt(model, "-1", Map.of("x", Ort.noise(3, 2, 4, 3)))) {
      assertThat(rebuilt.split().logits()).isEqualTo("end");
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }

  static Stream<Arguments> variants() {
    String variant = "uses the unsupported attribute ";
    String activations = "uses unsupported activations ";
    return Stream.of(
        variant("LSTM", Map.of("clip", 3f), "", variant + "clip"),
        variant("LSTM", Map.of("input_forget", 1), "", variant + "input_forget"),
        variant("LSTM", Map.of("layout", 1), "", variant + "layout"),
        variant("GRU", Map.of("layout", 1), "", variant + "layout"),
        variant("RNN", Map.of("layout", 1), "", variant + "layout"),
        variant(
            "LSTM", Map.of("activation_alpha", new float[] {1}), "", variant + "activation_alpha"),
        variant("LSTM", Map.of(), "lengths", "uses sequence lengths"),
        variant("LSTM", Map.of(), ",,,p", "uses peephole weights"),
        variant("GRU", activations("Sigmoid", "Affine"), "", activations + "[Sigmoid, Affine]"),
        variant("GRU", activations("Sigmoid", "Clip"), "", activations + "[Sigmoid, Clip]"),
        variant("GRU", activations("Sigmoid"), "", activations + "[Sigmoid]"),
        zero("LeakyRelu"),
        zero("Elu"),
        zero("HardSigmoid"));
  }

  private static Arguments zero(String activation) {
    return variant(
        "RNN",
        activations(activation),
        "",
        "uses activations whose parameters ONNX Runtime sets to 0 in an RNN, [" + activation + "]");
  }

  private static Arguments variant(
      String op, Map<String, Object> attributes, String more, String reason) {
    Map<String, Object> all = new HashMap<>(attributes);
    all.put("hidden_size", 2);
    return Arguments.of(op, reason, recurrent(op, all, more));
  }

  @ParameterizedTest(name = "{0}: {1}")
  @MethodSource("variants")
  void namesWhatItDoesNotRebuild(String op, String reason, byte[] model) {
    assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("x")))
        .hasMessageContaining(op + " node with output `h` " + reason);
  }

  @Test
  void namesARecurrentLayerThatOnnxRuntimeTakesForNone() {
    byte[] model = recurrent("GRU", Map.of(), "");

    assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("x")))
        .hasMessageContaining("GRU node with output `h` has no hidden_size");
  }

  static Stream<Arguments> refused() {
    String activation = "uses the unsupported activation ";
    String parameters = "uses the activation ";
    String statistics = "also returns mean or deviation";
    return Stream.of(
        Arguments.of("FusedGemm", "y", Map.of("activation", "Hardmax"), activation + "`Hardmax`"),
        Arguments.of("FusedGemm", "y", Map.of("activation", "Clip"), activation + "`Clip`"),
        Arguments.of("FusedGemm", "y", Map.of(), activation + "``"),
        Arguments.of(
            "FusedGemm",
            "y",
            Map.of("activation", "Elu"),
            parameters + "`Elu` with 0 parameters, expected 1"),
        Arguments.of(
            "FusedGemm",
            "y",
            Map.of("activation", "HardSigmoid", "activation_beta", 0.4f),
            parameters + "`HardSigmoid` with 1 parameters, expected 2"),
        Arguments.of("FusedConv", "y", Map.of("activation", "Elu"), activation + "`Elu`"),
        Arguments.of("FusedConv", "y", Map.of("activation", ""), activation + "``"),
        Arguments.of(
            "FusedConv",
            "y",
            Map.of("activation", "Clip"),
            parameters + "`Clip` with 0 parameters, expected 2"),
        Arguments.of("SkipLayerNormalization", "y,mean", Map.of(), statistics),
        Arguments.of("SkipLayerNormalization", "y,,deviation", Map.of(), statistics),
        Arguments.of("SkipSimplifiedLayerNormalization", "y,,deviation", Map.of(), statistics));
  }

  @ParameterizedTest(name = "{0} {2}")
  @MethodSource("refused")
  void namesWhatOfAFusedLayerItDoesNotRebuild(
      String op, String outputs, Map<String, Object> attributes, String reason) {
    byte[] model =
        GraphFixture.opset(17)
            .importing(DOMAIN, 1)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .weight("k", 3, 3)
            .node(DOMAIN, op, outputs, attributes, "x", "w")
            .node("Sum", "all", "y", outputs.substring(outputs.lastIndexOf(',') + 1))
            .node("MatMul", "logits", "all", "k")
            .output("logits", -1, 3)
            .bytes();

    assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("x")))
        .hasMessageContaining(op + " node with output `y` " + reason);
  }

  private static byte[] recurrent(String op, Map<String, Object> attributes, String more) {
    String[] inputs = ("x,w,r,," + more).split(",", -1);
    return GraphFixture.opset(14)
        .input("x", 4, -1, 3)
        .weight("w", 1, 8, 3)
        .weight("r", 1, 8, 2)
        .weight("p", 1, 6)
        .weight("k", 2, 3)
        .integers("lengths", ai.onnx.proto.OnnxMl.TensorProto.DataType.INT32, new long[] {2}, 4)
        .node(op, "h", attributes, inputs)
        .node("MatMul", "y", "h", "k")
        .output("y", 4, 1, -1, 3)
        .bytes();
  }
}
