package dev.headwater.onnx;

import static dev.headwater.onnx.LinearHeadTest.first;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.onnx.graph.Numbers;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class CutTest {

  @ParameterizedTest
  @ValueSource(strings = {"Softmax", "LogSoftmax", "Sigmoid", "Dropout", "Identity", "Flatten"})
  void looksThroughATrailing(String op) throws Exception {
    // given
    byte[] model = headed().node(op, "y", "logits").output("y", -1, 3).bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4));

    // when
    Split split = OnnxFile.parse(model).split("auto");
    List<Parameter> grown = LinearHeadTest.grown(split);

    // then
    assertThat(split.features()).containsExactly("x");
    assertThat(split.logits()).isEqualTo("logits");
    assertThat(Ort.runSplit(split, inputs).keySet())
        .as("logits first, then what the network said")
        .containsExactly("logits", "y");
    assertThat(Ort.values(Ort.runSplit(split, inputs).get("y")))
        .isEqualTo(first(Ort.run(model, inputs)));
    assertThat(OnnxFile.parse(split.merge(grown)).outputs().get(0).shape()).containsExactly(-1, 4);
    assertThat(first(Ort.run(split.merge(grown), inputs)).shape())
        .as("%s stays in the adapted network", op)
        .containsExactly(2, 4);
  }

  @Test
  void looksThroughAChainOfThem() throws Exception {
    // given
    byte[] model =
        headed()
            .node("Dropout", "d", "logits")
            .node("Softmax", "s", Map.of("axis", -1), "d")
            .node("ArgMax", "a", Map.of("axis", -1, "keepdims", 0), "s")
            .node("Cast", "label", Map.of("to", 7), "a")
            .integerOutput("label", -1)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 6, 4));

    // when
    Split split = OnnxFile.parse(model).split("auto");

    // then
    assertThat(split.linear()).isPresent();
    assertThat(split.dim()).isEqualTo(4);
    assertThat(Ort.values(Ort.runSplit(split, inputs).get("label")))
        .isEqualTo(first(Ort.run(model, inputs)));
  }

  @Test
  void lifts1x1ConvolutionsWithABiasOfEitherSpelling() throws Exception {
    for (boolean inside : new boolean[] {true, false}) {
      // given
      GraphFixture graph = GraphFixture.opset(17).input("x", -1, 4, 2, 2).weight("w", 3, 4, 1, 1);
      byte[] model =
          (inside
                  ? graph.weight("b", 3).node("Conv", "y", "x", "w", "b")
                  : graph
                      .weight("b", 1, 3, 1, 1)
                      .node("Conv", "c", "x", "w")
                      .node("Add", "y", "c", "b"))
              .output("y", -1, 3, 2, 2)
              .bytes();
      Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4, 2, 2));

      // when
      Split split = OnnxFile.parse(model).split("auto");
      byte[] merged = split.merge(LinearHeadTest.grown(split));

      // then
      assertThat(split.dim()).as("a map is not one vector a record").isEqualTo(-1);
      assertThat(split.linear()).contains(new LinearLayer("w", "b", true));
      assertThat(split.parameters().get(1).shape()).as("bias").containsExactly(3);
      assertThat(first(Ort.runSplit(split, inputs)).floats())
          .containsExactly(first(Ort.run(model, inputs)).floats(), within(1e-6f));
      assertThat(first(Ort.run(merged, inputs)).shape()).containsExactly(2, 4, 2, 2);
      assertThat(OnnxFile.parse(merged).outputs().get(0).shape()).containsExactly(-1, 4, 2, 2);
    }
  }

  /** As PyTorch's newer exporter spells x.view(x.size(0), -1), and older ones. */
  @ParameterizedTest
  @ValueSource(strings = {"start and end", "Gather", "Slice"})
  void countsRecordsInTheHeadWhereTheNetworkAsksItsInput(String spelling) throws Exception {
    GraphFixture graph =
        GraphFixture.opset(18)
            .input("x", -1, 2, 3, 3)
            .weight("c1", 4, 2, 3, 3)
            .weight("c2", 5, 4, 1, 1)
            .weight("w", 3, 5)
            .integers("zero", DataType.INT64, new long[] {1}, 0)
            .integers("one", DataType.INT64, new long[] {1}, 1)
            .integers("rest", DataType.INT64, new long[] {1}, -1);
    switch (spelling) {
      case "Gather" -> graph.node("Shape", "sizes", "x").node("Gather", "n", "sizes", "zero");
      case "Slice" -> graph.node("Shape", "sizes", "x").node("Slice", "n", "sizes", "zero", "one");
      default -> graph.node("Shape", "n", Map.of("start", 0, "end", 1), "x");
    }
    byte[] model =
        graph
            .node("Concat", "flat", Map.of("axis", 0), "n", "rest")
            .node("Conv", "map", "x", "c1")
            .node("Conv", "deep", "map", "c2")
            .node("Reshape", "vector", "deep", "flat")
            .node("Gemm", "y", Map.of("transB", 1), "vector", "w")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 5, 2, 3, 3));

    Split split = OnnxFile.parse(model).split("-2");

    assertThat(split.features()).containsExactly("map");
    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
    assertThat(first(Ort.run(split.merge(split.parameters()), inputs)))
        .isEqualTo(first(Ort.run(model, inputs)));
    assertThat(OnnxFile.parse(model).split("map").features()).containsExactly("map");
  }

  /** PyTorch's x.squeeze(), which names no axes. */
  @ParameterizedTest
  @CsvSource({"11, s", "13, s", "13, listed"})
  void keepsTheAxisOfALoneRecord(long opset, String squeezed) throws Exception {
    byte[] model =
        GraphFixture.opset(opset)
            .input("x", -1, 4, 2, 2)
            .weight("w", 4, 3)
            .integers("none", DataType.INT64, new long[] {0})
            .node("GlobalAveragePool", "p", "x")
            .node("Squeeze", "s", "p")
            .node("Squeeze", "listed", opset < 13 ? new String[] {"p"} : new String[] {"p", "none"})
            .node("MatMul", "y", squeezed, "w")
            .output("y", -1, 3)
            .bytes();

    Split split = OnnxFile.parse(model).split("auto");

    for (int records : new int[] {1, 3}) {
      assertThat(
              first(Ort.run(split.backbone(), Map.of("x", Ort.noise(1, records, 4, 2, 2)))).shape())
          .containsExactly(records, 4);
    }
  }

  @Test
  void lacksNothingThatTheBackboneCountsToo() throws Exception {
    byte[] model =
        GraphFixture.opset(18)
            .input("x", -1, 2, 2)
            .weight("w1", 4, 6)
            .weight("w2", 6, 3)
            .integers("rest", DataType.INT64, new long[] {1}, -1)
            .node("Shape", "n", Map.of("start", 0, "end", 1), "x")
            .node("Concat", "flat", Map.of("axis", 0), "n", "rest")
            .node("Reshape", "early", "x", "flat")
            .node("MatMul", "a", "early", "w1")
            .node("Relu", "b", "a")
            .node("Reshape", "late", "b", "flat")
            .node("MatMul", "y", "late", "w2")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 3, 2, 2));

    Split split = OnnxFile.parse(model).split("b");

    assertThat(split.features()).containsExactly("b");
    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
    assertThat(first(Ort.run(split.merge(split.parameters()), inputs)))
        .isEqualTo(first(Ort.run(model, inputs)));
  }

  @Test
  void refusesWhatIsNoFloatByName() {
    byte[] model =
        GraphFixture.opset(18)
            .integerInput("ids", -1, 6)
            .weight("table", 9, 4)
            .weight("w", 4, 3)
            .node("Gather", "vectors", "table", "ids")
            .node("MatMul", "y", "vectors", "w")
            .output("y", -1, 6, 3)
            .bytes();

    assertThatThrownBy(() -> OnnxFile.parse(model).split("ids"))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("`ids` would cross the cut but is of type INT64");
  }

  @Test
  void leavesAMaskAsItIs() throws Exception {
    byte[] model =
        GraphFixture.opset(18)
            .input("x", -1, 2)
            .weight("w1", 2, 2)
            .weight("b", 2)
            .tensor(
                TensorProto.newBuilder()
                    .setName("mask")
                    .setDataType(TensorProto.DataType.FLOAT_VALUE)
                    .addDims(2)
                    .addAllFloatData(List.of(0f, -10_000f))
                    .build())
            .weight("w2", 2, 3)
            .node("MatMul", "a", "x", "w1")
            .node("Add", "biased", "a", "b")
            .node("Add", "hidden", "biased", "mask")
            .node("Softmax", "s", "hidden")
            .node("MatMul", "y", "s", "w2")
            .output("y", -1, 3)
            .bytes();

    assertThat(OnnxFile.parse(model).split("x").parameterNames()).containsExactly("w1", "b", "w2");
  }

  /** However large a factor is, it is one, unless it only takes away. */
  @Test
  void leavesAMaskOfFactorsAsItIs() throws Exception {
    byte[] model =
        GraphFixture.opset(18)
            .input("x", -1, 2)
            .tensor(Numbers.tensor("mask", new long[] {2}, new float[] {0, 1}))
            .tensor(Numbers.tensor("scale", new long[] {2}, new float[] {100, 1}))
            .tensor(Numbers.tensor("ones", new long[] {2}, new float[] {1, 1}))
            .weight("w", 2, 3)
            .node("Mul", "a", "x", "mask")
            .node("Mul", "b", "a", "scale")
            .node("Mul", "c", "ones", "b")
            .node("MatMul", "y", "c", "w")
            .output("y", -1, 3)
            .bytes();

    assertThat(OnnxFile.parse(model).split("x").parameterNames())
        .containsExactly("scale", "ones", "w");
  }

  @ParameterizedTest
  @ValueSource(strings = {"Flatten", "Squeeze"})
  void growsAConvolutionalHeadBehindA(String op) throws Exception {
    // given
    GraphFixture graph =
        GraphFixture.opset(17)
            .input("x", -1, 4, 2, 2)
            .weight("w", 3, 4, 1, 1)
            .integers("axes", DataType.INT64, new long[] {2}, 2, 3)
            .node("GlobalAveragePool", "p", "x")
            .node("Conv", "c", "p", "w");
    byte[] model =
        (op.equals("Flatten") ? graph.node(op, "y", "c") : graph.node(op, "y", "c", "axes"))
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4, 2, 2));

    // when
    Split split = OnnxFile.parse(model).split("auto");
    byte[] merged = split.merge(LinearHeadTest.grown(split));

    // then
    assertThat(split.features()).containsExactly("p");
    assertThat(OnnxFile.parse(merged).outputs().get(0).shape()).containsExactly(-1, 4);
    assertThat(first(Ort.run(merged, inputs)).shape()).containsExactly(2, 4);
  }

  @Test
  void learnsFromTheOutputsThatUndeclaredFeaturesAreVectors() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 5, 4)
            .weight("w", 4, 3)
            .integers("first", DataType.INT64, new long[0], 0)
            .node("Gather", "g", Map.of("axis", 1), "x", "first")
            .node("MatMul", "logits", "g", "w")
            .node("Softmax", "p", Map.of("axis", -1), "logits")
            .node("ArgMax", "label", Map.of("axis", -1, "keepdims", 0), "p")
            .integerOutput("label", -1)
            .bytes();

    // then
    assertThat(OnnxFile.parse(model).split("auto").dim()).isEqualTo(4);
  }

  /** torch.einsum("bi,oi->bo", x, w), say. */
  @ParameterizedTest
  @CsvSource({"'bi,oi->bo', 3, 4", "'...i, io -> ...o', 4, 3"})
  void takesAnEinsumWithAMatrixForALinearLayer(String equation, int rows, int columns)
      throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w", rows, columns)
            .weight("b", 3)
            .node("Einsum", "e", Map.of("equation", equation), "x", "w")
            .node("Add", "y", "e", "b")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4));

    Split split = OnnxFile.parse(model).split("auto");

    assertThat(split.linear()).contains(new LinearLayer("w", "b", false));
    assertThat(split.classes()).isEqualTo(3);
    assertThat(first(Ort.runSplit(split, inputs)).floats())
        .containsExactly(first(Ort.run(model, inputs)).floats(), within(1e-6f));
  }

  @Test
  void isNoLinearHeadWhereSomethingBehindItCountsClasses() throws Exception {
    // given
    byte[] model =
        headed().weight("prior", 3).node("Mul", "y", "logits", "prior").output("y", -1, 3).bytes();

    // when
    Split split = OnnxFile.parse(model).split("-1");

    // then
    assertThat(split.linear()).as("the prior would have to grow as well").isEmpty();
    assertThat(first(Ort.runSplit(split, Map.of("x", Ort.noise(1, 2, 4)))).shape())
        .containsExactly(2, 3);
  }

  @Test
  void cutsATokenwiseHeadThatHasNoSingleVector() throws Exception {
    // given
    byte[] model = GraphFixture.matMulAdd(3, -1, -1, 4);
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 5, 4));

    // when
    Split split = OnnxFile.parse(model).split("auto");

    // then
    assertThat(split.dim()).isEqualTo(-1);
    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
  }

  @ParameterizedTest
  @CsvSource({"-1, r", "-2, features", "auto, r", "h, h", "features, features"})
  void cutsAnMlpWhereItIsTold(String cut, String features) throws Exception {
    // given
    byte[] model = GraphFixture.mlp(4, 6, 3);
    Map<String, OnnxTensorLike> inputs = Map.of("features", Ort.noise(1, 2, 4));

    // when
    Split split = OnnxFile.parse(model).split(cut);

    // then
    assertThat(split.features()).containsExactly(features);
    assertThat(split.logits()).isEqualTo("logits");
    assertThat(split.linear().isPresent())
        .as("one linear layer and what any head may end in")
        .isEqualTo(features.equals("r"));
    assertThat(Ort.values(Ort.runSplit(split, inputs).get("probabilities")).floats())
        .containsExactly(first(Ort.run(model, inputs)).floats(), within(1e-6f));
  }

  @Test
  void crossesTheCutWithEveryTensorOfASkipConnection() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w1", 4, 4)
            .weight("w2", 4, 4)
            .weight("w3", 4, 3)
            .node("MatMul", "a", "x", "w1")
            .node("Relu", "r", "a")
            .node("MatMul", "b", "r", "w2")
            .node("Add", "s", "b", "a")
            .node("MatMul", "y", "s", "w3")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4));

    // when
    Split split = OnnxFile.parse(model).split("-2");

    // then
    assertThat(split.features()).containsExactly("r", "a");
    assertThat(split.dim()).isEqualTo(-1);
    assertThat(split.parameters()).extracting(Parameter::name).containsExactly("w2", "w3");
    assertThat(first(Ort.runSplit(split, inputs)).floats())
        .containsExactly(first(Ort.run(model, inputs)).floats(), within(1e-6f));
  }

  @Test
  void leavesTheBackboneAloneWhenItSharesAWeightWithTheHead() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w", 4, 4)
            .node("MatMul", "h", "x", "w")
            .node("Relu", "r", "h")
            .node("Identity", "tied", "w")
            .node("MatMul", "y", "r", "tied")
            .output("y", -1, 4)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4));
    Split split = OnnxFile.parse(model).split("auto");
    Parameter weight = split.parameters().get(0);

    // when
    Parameter zero = new Parameter(weight.name(), weight.shape(), new float[16]);
    byte[] merged = split.merge(List.of(zero));

    // then
    assertThat(weight.name()).as("a name of its own").isEqualTo("w.head");
    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
    assertThat(first(Ort.run(split.merge(split.parameters()), inputs)))
        .isEqualTo(first(Ort.run(model, inputs)));
    assertThat(first(Ort.run(merged, inputs)).floats()).as("zero head").containsOnly(0f);
    assertThat(first(Ort.run(OnnxFile.parse(merged).split("auto").backbone(), inputs)))
        .as("the backbone of the adapted network is the one it was")
        .isEqualTo(first(Ort.run(split.backbone(), inputs)));
  }

  /** As PyTorch writes two layers that begin with the same numbers. */
  @ParameterizedTest
  @CsvSource({"Identity, g.head", "tied, g"})
  void trainsEqualWeightsApart(String equal, String second) throws Exception {
    GraphFixture graph =
        GraphFixture.opset(17)
            .input("x", -1, 3)
            .weight("w1", 3, 3)
            .weight("w2", 3, 3)
            .weight("g", 3)
            .weight("b", 3);
    boolean tied = equal.equals("tied");
    byte[] model =
        (tied ? graph : graph.node("Identity", "g2", "g").node("Identity", "b2", "b"))
            .node("LayerNormalization", "m", "x", "g", "b")
            .node("Gemm", "h", "m", "w1", "b")
            .node("LayerNormalization", "n", "h", tied ? "g" : "g2", "b")
            .node("Gemm", "y", "n", "w2", tied ? "b" : "b2")
            .output("y", -1, 3)
            .bytes();

    Split split = OnnxFile.parse(model).split("x");

    assertThat(split.parameterNames())
        .containsExactlyElementsOf(
            Stream.of("g", "b", "w1", second, "w2", "b.head").distinct().toList());
    assertThat(split.parameterNames().stream().map(split::classAxis).filter(axis -> axis >= 0))
        .as("of the last layer only")
        .hasSize(2);
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 3));
    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
  }

  @Test
  void keepsOutputsThatBranchOffBeforeTheHead() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w1", 4, 4)
            .weight("w2", 4, 3)
            .node("MatMul", "embedding", "x", "w1")
            .node("Relu", "r", "embedding")
            .node("MatMul", "y", "r", "w2")
            .output("y", -1, 3)
            .output("embedding", -1, 4)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4));

    // when
    Split split = OnnxFile.parse(model).split("auto");

    // then
    assertThat(split.features()).containsExactly("r");
    assertThat(Ort.run(split.merge(split.parameters()), inputs).keySet())
        .containsExactly("y", "embedding");
  }

  @Test
  void keepsWhatASubgraphCaptures() throws Exception {
    // given
    GraphFixture then = GraphFixture.opset(17).node("Mul", "t", "h", "w1").output("t", -1, 4);
    GraphFixture otherwise = GraphFixture.opset(17).node("Identity", "e", "h").output("e", -1, 4);
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w1", 4)
            .weight("w2", 4, 3)
            .node("Relu", "h", "x")
            .node("ReduceMax", "m", Map.of("keepdims", 0), "h")
            .node("Cast", "if", Map.of("to", 9), "m")
            .node(
                "If",
                "r",
                Map.of("then_branch", then.graph(), "else_branch", otherwise.graph()),
                "if")
            .node("MatMul", "y", "r", "w2")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4));

    // when
    Split split = OnnxFile.parse(model).split("auto");

    // then
    assertThat(split.features()).containsExactly("r");
    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
  }

  @Test
  void doesNotLetDeclaredShapesPinTheClassCount() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .weight("b", 3)
            .declare("m", -1, 3)
            .declare("logits", -1, 3)
            .node("MatMul", "m", "x", "w")
            .node("Add", "logits", "m", "b")
            .node("Softmax", "y", Map.of("axis", 1), "logits")
            .output("y", -1, 3)
            .bytes();

    // when
    Split split = OnnxFile.parse(model).split("auto");
    byte[] merged = split.merge(LinearHeadTest.grown(split));

    // then
    assertThat(first(Ort.run(merged, Map.of("x", Ort.noise(1, 2, 4)))).shape())
        .containsExactly(2, 4);
  }

  @Test
  void refusesIntegerHeadsNamingTheLastFloatTensor() {
    assertThatThrownBy(() -> OnnxFile.parse(GraphFixture.qdq(4, 3)).split("auto"))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("`logits` has int8 weights (QDQ)")
        .hasMessageContaining("The last float tensor before it is `h`");
  }

  @Test
  void refusesDynamicallyQuantizedHeadsNamingTheLastFloatTensor() {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .scalar("ws", 0.1f)
            .weight("b", 3)
            .integers("wq", DataType.INT8, new long[] {4, 3}, 2, -1)
            .node("Relu", "r", "x")
            .node("DynamicQuantizeLinear", "q,s,z", "r")
            .node("MatMulInteger", "m", "q", "wq", "z")
            .node("Cast", "f", Map.of("to", 1), "m")
            .node("Mul", "scale", "s", "ws")
            .node("Mul", "scaled", "f", "scale")
            .node("Add", "y", "scaled", "b")
            .output("y", -1, 3)
            .bytes();

    // then
    assertThatThrownBy(() -> OnnxFile.parse(model).split("auto"))
        .hasMessageContaining("is quantized (int8)")
        .hasMessageContaining("The last float tensor before it is `r`");
  }

  @Test
  void refusesACutDeeperThanTheLastFloatOne() {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .scalar("s", 0.1f)
            .integers("z", DataType.INT8, new long[0], 0)
            .integers("q", DataType.INT8, new long[] {4, 4}, 2)
            .weight("w", 4, 3)
            .node("DequantizeLinear", "dq", "q", "s", "z")
            .node("MatMul", "h", "x", "dq")
            .node("MatMul", "y", "h", "w")
            .output("y", -1, 3)
            .bytes();

    // then
    assertThatThrownBy(() -> OnnxFile.parse(model).split("-2"))
        .hasMessageContaining("The last float cut is -1, at `h`");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "FLOAT16 | is FLOAT16, not FLOAT",
        "DOUBLE | is DOUBLE, not FLOAT",
        "BFLOAT16 | is BFLOAT16, not FLOAT"
      })
  void refusesWeightsOfAnotherPrecision(DataType type, String reason) throws Exception {
    // given
    var weight =
        ai.onnx.proto.OnnxMl.TensorProto.newBuilder()
            .setName("w")
            .setDataType(type.getNumber())
            .addDims(4)
            .addDims(3)
            .setRawData(
                com.google.protobuf.ByteString.copyFrom(
                    new byte[12 * (type == DataType.DOUBLE ? 8 : 2)]));
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .tensor(weight.build())
            .node("MatMul", "y", "x", "w")
            .output("y", -1, 3)
            .bytes();

    // then
    assertThatThrownBy(() -> OnnxFile.parse(model).split("auto"))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining(reason)
        .hasMessageContaining("float32");
  }

  @Test
  void refusesAHeadOfAnotherPrecisionForThatReason() {
    assertRefused(
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .integers("half", DataType.FLOAT16, new long[] {4, 3}, 0x3800)
            .node("Cast", "x16", Map.of("to", 10), "x")
            .node("MatMul", "y", "x16", "half")
            .output("y", -1, 3),
        "-1",
        "The layer with output `y` is not trained because its weight `half` is FLOAT16");
  }

  @Test
  void refusesAGraphWithoutAnyLayer() {
    assertRefused(
        GraphFixture.opset(17).input("x", -1, 4).node("Relu", "y", "x").output("y", -1, 4),
        "auto",
        "no parametrised layer");
  }

  @Test
  void refusesAutoWhereTheOutputIsNotALayers() {
    assertRefused(
        headed().node("Relu", "y", "logits").output("y", -1, 3), "auto", "produced by Relu");
  }

  @Test
  void refusesAutoWhereTheLastLayerIsALargerConvolution() {
    assertRefused(
        GraphFixture.opset(17)
            .input("x", -1, 4, 8, 8)
            .weight("w", 2, 4, 3, 3)
            .node("Conv", "y", "x", "w")
            .output("y", -1, 2, 6, 6),
        "auto",
        "kernel larger than 1×1");
  }

  @Test
  void refusesAutoBetweenTwoHeads() {
    assertRefused(
        headed()
            .weight("w2", 4, 2)
            .node("MatMul", "other", "x", "w2")
            .output("logits", -1, 3)
            .output("other", -1, 2),
        "auto",
        "ends in 2 layers (`logits`, `other`)");
  }

  @Test
  void liftsAGemmsWeightOnItsLeft() throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w", 5, 4)
            .weight("b", 5, 1)
            .weight("k", 5, 3)
            .node("Transpose", "columns", "x")
            .node("Gemm", "h", "w", "columns", "b")
            .node("Transpose", "rows", "h")
            .node("MatMul", "y", "rows", "k")
            .output("y", -1, 3)
            .bytes();

    assertThat(OnnxFile.parse(model).split("-2").parameters())
        .extracting(Parameter::name)
        .containsExactly("w", "b", "k");
  }

  /** As many ways lead from the weight to where it is used as no walk along each would end. */
  @Test
  void liftsAWeightThatIsMadeInManyWays() throws Exception {
    GraphFixture graph = GraphFixture.opset(17).input("x", -1, 4).weight("w", 4, 3);
    String made = "w";
    for (int i = 0; i < 20_000; i++) {
      graph.node("Add", "m" + i, made, made);
      made = "m" + i;
    }
    byte[] model = graph.node("MatMul", "y", "x", made).output("y", -1, 3).bytes();

    assertThat(OnnxFile.parse(model).split("x").parameters())
        .extracting(Parameter::name)
        .containsExactly("w");
  }

  @Test
  void refusesWeightsThatTheGraphComputes() {
    assertRefused(
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .weight("v", 4, 3)
            .node("Mul", "wv", "w", "v")
            .node("MatMul", "y", "x", "wv")
            .output("y", -1, 3),
        "auto",
        "is computed in the graph by Mul");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nowhere | There is no tensor `nowhere`",
        "-3 | too deep: the graph has 2",
        "logits | nothing to train after `logits`",
        "fc1.weight | is a constant",
        "-0 | There is no tensor `-0`",
      })
  void refusesCutsThatAreNone(String cut, String reason) {
    assertThatThrownBy(() -> OnnxFile.parse(GraphFixture.mlp(4, 6, 3)).split(cut))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void refusesToMergeParametersThatAreNotTheHeads() throws Exception {
    // given
    Split split = OnnxFile.parse(GraphFixture.gemm(4, 3)).split("auto");
    Parameter weight = split.parameters().get(0);
    Parameter bias = split.parameters().get(1);

    // then
    assertThatThrownBy(() -> split.merge(List.of(weight)))
        .hasMessageContaining("has the parameters");
    assertThatThrownBy(
            () ->
                split.merge(
                    List.of(new Parameter("fc.weight", new long[] {3, 5}, new float[15]), bias)))
        .hasMessageContaining("[3, 5]");
    assertThatThrownBy(
            () ->
                split.merge(
                    List.of(new Parameter("fc.weight", new long[] {4, 4}, new float[16]), bias)))
        .hasMessageContaining("different numbers of classes");
  }

  private static GraphFixture headed() {
    return GraphFixture.opset(17)
        .input("x", -1, 4)
        .weight("w", 3, 4)
        .weight("b", 3)
        .node("Gemm", "logits", Map.of("transB", 1), "x", "w", "b");
  }

  private static void assertRefused(GraphFixture graph, String cut, String reason) {
    assertThatThrownBy(() -> OnnxFile.parse(graph.bytes()).split(cut))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining(reason);
  }
}
