package dev.headwater.tail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.onnx.NewHead;
import dev.headwater.onnx.OnnxException;
import dev.headwater.onnx.OnnxFile;
import dev.headwater.onnx.Ort;
import dev.headwater.onnx.Split;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class TailTest {
  private static final Map<String, Object> ALIGN = Map.of("transB", 1);

  @Test
  void takesAnyNumberOfClasses() throws Exception {
    Map<String, OnnxTensorLike> inputs = Map.of("features", Ort.noise(1, 2, 4));
    try (Rebuilt rebuilt = new Rebuilt(GraphFixture.mlp(4, 6, 3), "-2", inputs);
        NDManager scope = rebuilt.manager().newSubManager()) {
      Map<String, NDArray> grown = rebuilt.parameters(scope);
      grown.put("fc2.weight", scope.ones(new Shape(7, 6)));
      grown.put("fc2.bias", scope.zeros(new Shape(7)));

      NDArray logits = rebuilt.tail().logits(rebuilt.features(scope), grown, scope);

      assertThat(logits.getShape()).isEqualTo(new Shape(2, 7));
    }
  }

  @Test
  void keepsNothingOfAStep() throws Exception {
    Map<String, OnnxTensorLike> inputs = Map.of("features", Ort.noise(1, 2, 4));
    try (Rebuilt rebuilt = new Rebuilt(GraphFixture.mlp(4, 6, 3), "-2", inputs);
        NDManager kept = rebuilt.manager().newSubManager()) {
      Map<String, NDArray> parameters = rebuilt.parameters(kept);
      NDList features = rebuilt.features(kept);
      int before = kept.getManagedArrays().size();
      for (int i = 0; i < 50; i++) {
        try (NDManager step = kept.newSubManager()) {
          assertThat(rebuilt.tail().logits(features, parameters, step).getManager())
              .as("whose the result is")
              .isSameAs(step);
        }
      }

      assertThat(kept.getManagedArrays()).as("batch and weights only").hasSize(before);
    }
  }

  @Test
  void asksForWhatItNeeds() throws Exception {
    Map<String, OnnxTensorLike> inputs = Map.of("features", Ort.noise(1, 2, 4));
    try (Rebuilt rebuilt = new Rebuilt(GraphFixture.mlp(4, 6, 3), "-2", inputs);
        NDManager scope = rebuilt.manager().newSubManager()) {
      Map<String, NDArray> lacking = rebuilt.parameters(scope);
      lacking.remove("fc1.bias");

      assertThatThrownBy(() -> rebuilt.tail().logits(rebuilt.features(scope), lacking, scope))
          .hasMessageContaining("fc1.bias");
      assertThatThrownBy(
              () -> rebuilt.tail().logits(new NDList(), rebuilt.parameters(scope), scope))
          .hasMessageContaining("0 features");
    }
  }

  @Test
  void namesWhatCannotBeRebuiltAndTheNearestCutThatCan() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w1", 4, 4)
            .weight("w2", 4, 4)
            .weight("w3", 3, 4)
            .node("MatMul", "a", "x", "w1")
            .node("Hardmax", "b", "a")
            .node("Det", "c", "b")
            .node("Mul", "d", "a", "c")
            .node("MatMul", "e", "d", "w2")
            .node("Relu", "f", "e")
            .node("Gemm", "y", ALIGN, "f", "w3")
            .output("y", -1, 3)
            .bytes();
    Split split = OnnxFile.parse(model).split("-3");

    // then
    assertThatThrownBy(() -> Tail.of(split))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("Hardmax node with output `b`")
        .hasMessageContaining("Det node with output `c`")
        .hasMessageContaining("The nearest valid cut is -2, at `d`");
    Tail.of(OnnxFile.parse(model).split("-2")).close();
  }

  @Test
  void namesCoordinatesThatItDoesNotKnow() throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 2, 4, 4)
            .weight("w", 3, 2, 1, 1)
            .tensor(GraphFixtures.floats("s", 1, 1, 2, 2))
            .node("Resize", "r", Map.of("coordinate_transformation_mode", "by_ear"), "x", "", "s")
            .node("Conv", "y", "r", "w")
            .output("y", -1, 3, 8, 8)
            .bytes();

    assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("x")))
        .hasMessageContaining(
            "Resize node with output `r` uses the unsupported coordinate transformation")
        .hasMessageContaining("by_ear");
  }

  /** A layer of zeros, as a dead ReLU leaves them: PyTorch's own norm has the slope 0 there. */
  @Test
  void aLengthOfNothingHasASlope() throws Exception {
    byte[] model =
        GraphFixture.opset(18)
            .input("x", -1, 4)
            .weight("w", 4, 5)
            .weight("k", 5, 3)
            .integers("last", DataType.INT64, new long[] {1}, -1)
            .scalar("small", 1e-6f)
            .node("MatMul", "a", "x", "w")
            .node("Relu", "r", "a")
            .node("ReduceL2", "l", "r", "last")
            .node("Max", "m", "l", "small")
            .node("Div", "n", "r", "m")
            .node("LpNormalization", "unit", "n")
            .node("MatMul", "y", "unit", "k")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> nothing = Map.of("x", Ort.floats(new long[] {1, 4}, 0, 0, 0, 0));
    try (Rebuilt rebuilt = new Rebuilt(model, "x", nothing)) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      for (float[] gradient : rebuilt.gradients()) {
        for (float slope : gradient) {
          assertThat(slope).isFinite();
        }
      }
    }
  }

  /** Of what has sizes that nothing tells before it runs, a lone record's axis goes as well. */
  @Test
  void takesALoneRecordThatWasSqueezed() throws Exception {
    byte[] model =
        GraphFixture.opset(13)
            .input("x", -1, 4, 1)
            .weight("w", 4, 3)
            .integers("first", DataType.INT64, new long[] {1}, 0)
            .node("Softsign", "a", "x")
            .node("Shape", "sizes", "x")
            .node("Slice", "none", "sizes", "first", "first")
            .node("Squeeze", "s", "a", "none")
            .node("Gemm", "y", "s", "w")
            .output("y", -1, 3)
            .bytes();
    try (Rebuilt rebuilt = new Rebuilt(model, "x", Map.of("x", Ort.noise(3, 1, 4, 1)))) {
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
    }
  }

  @Test
  void namesACutWhereTheReasonIsAnAttribute() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(13)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .node("Hardmax", "h", "x")
            .node("MatMul", "y", "h", "w")
            .output("y", -1, 3)
            .bytes();

    // then
    assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("x")))
        .hasMessageContaining("The nearest valid cut is -1, at `h`");
    for (OnnxFile training :
        List.of(
            batchNormalization(15, "n", Map.of("training_mode", 1)),
            batchNormalization(9, "n,mean,variance", Map.of()))) {
      assertThatThrownBy(() -> Tail.of(training.split("-2")))
          .hasMessageContaining("export the model in eval mode")
          .hasMessageContaining("The nearest valid cut is -1, at `n`");
    }
    Tail.of(batchNormalization(9, "n,,", Map.of()).split("-2")).close();
    assertThatThrownBy(() -> Tail.of(batchNormalization(7, "n", Map.of("spatial", 0)).split("-2")))
        .hasMessageContaining("normalises each position separately")
        .hasMessageContaining("The nearest valid cut is -1, at `n`");
  }

  /** As of attention, whose three weights are one in the file. */
  @Test
  void learnsWeightsThatArePartsOfOne() throws Exception {
    GraphFixture graph =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("sliced", 4, 9)
            .weight("split", 4, 6)
            .weight("gathered", 2, 4, 3)
            .integers("from", DataType.INT64, new long[] {1}, 3)
            .integers("to", DataType.INT64, new long[] {1}, 6)
            .integers("axis", DataType.INT64, new long[] {1}, 1)
            .integers("second", DataType.INT64, new long[0], 1)
            .integers("parts", DataType.INT64, new long[] {2}, 3)
            .node("Slice", "w1", "sliced", "from", "to", "axis")
            .node("Split", "w2,w3", Map.of("axis", 1), "split", "parts")
            .node("Gather", "w4", "gathered", "second");
    for (int i = 1; i < 5; i++) {
      graph.node("MatMul", "m" + i, "x", "w" + i).node("Tanh", "t" + i, "m" + i);
    }
    byte[] model =
        graph
            .weight("k", 3, 3)
            .node("Sum", "s", "t1", "t2", "t3", "t4")
            .node("MatMul", "y", "s", "k")
            .output("y", -1, 3)
            .bytes();
    try (Rebuilt rebuilt = new Rebuilt(model, "x", Map.of("x", Ort.noise(3, 2, 4)))) {
      assertThat(rebuilt.split().parameterNames())
          .containsExactly("sliced", "split", "gathered", "k");
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }

  /** A product apart for each head; what places are told by is no weight. */
  @Test
  void learnsTheWeightOfAnEinsum() throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("frequencies", 4)
            .weight("w", 4, 2, 3)
            .weight("k", 6, 3)
            .node("Einsum", "s", Map.of("equation", "bi,i->bi"), "x", "frequencies")
            .node("Einsum", "a", Map.of("equation", "bi,ihd->bhd"), "s", "w")
            .node("Tanh", "t", "a")
            .node("Flatten", "f", "t")
            .node("MatMul", "y", "f", "k")
            .output("y", -1, 3)
            .bytes();
    assertThat(OnnxFile.parse(model).split("-2").features()).containsExactly("s");
    try (Rebuilt rebuilt = new Rebuilt(model, "x", Map.of("x", Ort.noise(3, 2, 4)))) {
      assertThat(rebuilt.split().parameterNames()).containsExactly("w", "k");
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }

  /** As timm standardises weights: that is no training, and they learn through it. */
  @Test
  void learnsAWeightThatIsStandardised() throws Exception {
    byte[] model =
        GraphFixture.opset(15)
            .input("x", -1, 4)
            .weight("w", 3, 4)
            .weight("gain", 3)
            .weight("b", 3)
            .weight("m", 3)
            .weight("k", 3, 3)
            .tensor(GraphFixtures.positive("v", 3))
            .integers("apart", DataType.INT64, new long[] {3}, 1, 3, 4)
            .integers("matrix", DataType.INT64, new long[] {2}, 3, 4)
            .node("Reshape", "rows", "w", "apart")
            .node(
                "BatchNormalization",
                "n,mean,variance",
                Map.of("training_mode", 1),
                "rows",
                "gain",
                "b",
                "m",
                "v")
            .node("Reshape", "unit", "n", "matrix")
            .node("Gemm", "h", ALIGN, "x", "unit")
            .node("Tanh", "t", "h")
            .node("MatMul", "y", "t", "k")
            .output("y", -1, 3)
            .bytes();
    try (Rebuilt rebuilt = new Rebuilt(model, "x", Map.of("x", Ort.noise(3, 2, 4)))) {
      assertThat(rebuilt.split().parameterNames()).containsExactly("w", "gain", "b", "k");
      rebuilt.saysWhatOnnxRuntimeSays(1e-4f);
      rebuilt.hasTheGradientOfFiniteDifferences();
    }
  }

  @Test
  void namesNoCutThatIsRefusedItself() throws Exception {
    TensorProto unsigned =
        TensorProto.newBuilder()
            .setName("u")
            .setDataType(TensorProto.DataType.UINT64_VALUE)
            .addUint64Data(2)
            .build();
    byte[] crossed = GraphFixture.picking("Hardmax");
    byte[] constant =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w1", 4, 4)
            .weight("w2", 4, 4)
            .weight("w3", 4, 3)
            .tensor(unsigned)
            .node("MatMul", "a", "x", "w1")
            .node("MatMul", "b", "a", "w2")
            .node("Cast", "f", Map.of("to", 1), "u")
            .node("Mul", "c", "b", "f")
            .node("MatMul", "y", "c", "w3")
            .output("y", -1, 3)
            .bytes();

    for (byte[] model : List.of(crossed, constant)) {
      assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("-3")))
          .hasMessageContaining("The nearest valid cut is -1, at `c`");
    }
  }

  static Stream<Arguments> refusals() {
    FunctionProto same =
        FunctionProto.newBuilder()
            .setDomain("nn")
            .setName("Same")
            .addInput("i")
            .addOutput("o")
            .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(13))
            .addNode(NodeProto.newBuilder().setOpType("Relu").addInput("i").addOutput("o"))
            .build();
    return Stream.of(
        Arguments.of(
            "Same",
            "is a function written for another opset",
            onWay(
                g ->
                    g.importing("nn", 1)
                        .function(same)
                        .node("nn", "Same", "c", Map.of(), "a")
                        .node("Relu", "n", "c"))),
        Arguments.of(
            "Cast",
            "casts to the unsupported element type STRING",
            onWay(
                g ->
                    g.node("Cast", "c", Map.of("to", 8), "a")
                        .node("Cast", "n", Map.of("to", 1), "c"))),
        Arguments.of(
            "Cast",
            "casts to the unsupported element type UINT64",
            onWay(
                g ->
                    g.node("Cast", "c", Map.of("to", 13), "a")
                        .node("Cast", "n", Map.of("to", 1), "c"))),
        Arguments.of(
            "LayerNormalization",
            "also returns mean or deviation",
            onWay(
                g ->
                    g.node("LayerNormalization", "c,mean", "a", "s")
                        .node("Add", "n", "c", "mean"))),
        Arguments.of(
            "LayerNormalization",
            "also returns mean or deviation",
            onWay(
                g ->
                    g.node("LayerNormalization", "c,,deviation", "a", "s")
                        .node("Add", "n", "c", "deviation"))),
        Arguments.of(
            "SimplifiedLayerNormalization",
            "also returns mean or deviation",
            onWay(
                g ->
                    g.node("SimplifiedLayerNormalization", "c,deviation", "a", "s")
                        .node("Add", "n", "c", "deviation"))));
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("refusals")
  void namesWhatItDoesNotRebuild(String op, String reason, byte[] model) {
    assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("-2")))
        .hasMessageContaining(op + " node with output `c` " + reason)
        .hasMessageContaining("The nearest valid cut is -1, at `n`");
  }

  /** a → something → n → MatMul. */
  private static byte[] onWay(UnaryOperator<GraphFixture> something) {
    return something
        .apply(
            GraphFixture.opset(17)
                .input("x", -1, 4)
                .weight("w", 4, 3)
                .weight("s", 3)
                .weight("k", 3, 3)
                .node("MatMul", "a", "x", "w"))
        .node("MatMul", "y", "n", "k")
        .output("y", -1, 3)
        .bytes();
  }

  @Test
  void leavesOutWhatNothingAsksFor() throws Exception {
    byte[] normal = onWay(g -> g.node("LayerNormalization", "n,mean,deviation", "a", "s"));
    byte[] pooled =
        GraphFixture.opset(17)
            .input("x", -1, 2, 6, 6)
            .weight("w", 3, 2, 1, 1)
            .node("MaxPool", "p,places", Map.of("kernel_shape", l(2, 2)), "x")
            .node("Conv", "y", "p", "w")
            .output("y", -1, 3, 5, 5)
            .bytes();

    Tail.of(OnnxFile.parse(normal).split("-2")).close();
    Tail.of(OnnxFile.parse(pooled).split("x")).close();
  }

  private static OnnxFile batchNormalization(
      int opset, String outputs, Map<String, Object> attributes) throws Exception {
    return OnnxFile.parse(
        GraphFixture.opset(opset)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .weight("k", 3, 3)
            .weight("g", 3)
            .weight("b", 3)
            .weight("m", 3)
            .tensor(GraphFixtures.positive("v", 3))
            .node("MatMul", "a", "x", "w")
            .node("BatchNormalization", outputs, attributes, "a", "g", "b", "m", "v")
            .node("MatMul", "y", "n", "k")
            .output("y", -1, 3)
            .bytes());
  }

  @Test
  void namesAPoolWhoseSizeOnnxRuntimeMisses() throws Exception {
    for (String op : List.of("MaxPool", "AveragePool")) {
      Map<String, Object> attributes =
          Map.of("kernel_shape", l(2, 2), "dilations", l(2, 1), "auto_pad", "SAME_UPPER");
      byte[] model =
          GraphFixture.opset(19)
              .input("x", -1, 2, 6, 6)
              .weight("w", 3, 2, 1, 1)
              .node(op, "p", attributes, "x")
              .node("Conv", "y", "p", "w")
              .output("y", -1, 3, -1, 6)
              .bytes();

      assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("x")))
          .hasMessageContaining(op + " node with output `p` combines dilations with auto_pad SAME");
    }
  }

  private static long[] l(long... values) {
    return values;
  }

  @Test
  void namesAnEquationThatIsNone() throws Exception {
    for (String equation : List.of("..i,ij->j", "b1,1j->bj")) {
      byte[] model =
          GraphFixture.opset(13)
              .input("x", -1, 4)
              .weight("w", 4, 4)
              .weight("k", 4, 3)
              .node("Einsum", "e", Map.of("equation", equation), "x", "w")
              .node("MatMul", "y", "e", "k")
              .output("y", -1, 3)
              .bytes();

      assertThatThrownBy(() -> Tail.of(OnnxFile.parse(model).split("x")))
          .hasMessageContaining("Einsum node with output `e` has an invalid equation")
          .hasMessageContaining("`" + equation + "`")
          .hasMessageContaining("The nearest valid cut is -1, at `e`");
    }
  }

  @Test
  void rebuildsNewHeadsOnVectorsAndMaps() throws Exception {
    for (NewHead head : List.of(NewHead.of(8, 5), new NewHead(List.of(8), 3))) {
      boolean dense = head.scale() > 1;
      Split split =
          OnnxFile.parse(dense ? GraphFixture.conv1x1(2, 6, 3) : GraphFixture.mlp(4, 6, 3))
              .headless("r", head);
      try (Tail tail = Tail.of(split);
          NDManager scope = NDManager.newBaseManager("PyTorch")) {
        Map<String, NDArray> parameters = new HashMap<>();
        split
            .parameterNames()
            .forEach(name -> parameters.put(name, scope.ones(new Shape(split.shape(name, 5)))));
        NDArray features = scope.ones(dense ? new Shape(2, 6, 4, 4) : new Shape(2, 6));

        assertThat(tail.logits(new NDList(features), parameters, scope).getShape())
            .isEqualTo(dense ? new Shape(2, 5, 12, 12) : new Shape(2, 5));
      }
    }
  }
}
