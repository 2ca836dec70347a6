package dev.headwater.onnx;

import static dev.headwater.onnx.LinearHeadTest.first;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Numbers;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Cuts that sizes, truths or turned maps would cross, as exporters write them. */
final class SizesTest {
  private static final Map<String, Object> TURN = Map.of("perm", new long[] {1, 0, 2});

  /** As PyTorch's attention goes, places first: each size is asked of a tensor long before. */
  @ParameterizedTest
  @CsvSource({"-1, last", "-2, mixed", "-3, x", "joined, mixed", "mapped, mapped.by.record"})
  void computesInTheHeadWhatIsSoManyTimesTheRecords(String cut, String feature) throws Exception {
    byte[] model =
        sizes(GraphFixture.opset(17).input("x", -1, 4, 6))
            .weight("all", 6, 6)
            .weight("proj", 6, 6)
            .weight("k", 24, 3)
            .node("Transpose", "turned", TURN, "x")
            .node("Shape", "s", "turned")
            .node("Gather", "t", "s", "i0")
            .node("Gather", "n", "s", "i1")
            .node("Gather", "e", "s", "i2")
            .node("Mul", "tn", "t", "n")
            .node("Unsqueeze", "ut", "t", "v0")
            .node("Unsqueeze", "un", "n", "v0")
            .node("Unsqueeze", "ue", "e", "v0")
            .node("Unsqueeze", "utn", "tn", "v0")
            .node("Concat", "rows", Map.of("axis", 0), "utn", "ue")
            .node("Concat", "three", Map.of("axis", 0), "ut", "un", "ue")
            .node("MatMul", "mapped", "turned", "all")
            .node("Transpose", "first", TURN, "mapped")
            .node("Softmax", "mixed", Map.of("axis", 1), "first")
            .node("Transpose", "again", TURN, "mixed")
            .node("Reshape", "joined", "again", "rows")
            .node("MatMul", "projected", "joined", "proj")
            .node("Reshape", "parted", "projected", "three")
            .node("Transpose", "back", TURN, "parted")
            .node("Flatten", "last", "back")
            .node("MatMul", "y", "last", "k")
            .output("y", -1, 3)
            .bytes();

    assertThat(assertCut(model, cut, 4, 6).features()).containsExactly(feature);
  }

  /** A linear layer over [N, T, D] whose result is spread out again is not told by its rows. */
  @ParameterizedTest
  @ValueSource(strings = {"-2", "b"})
  void turnsWhatIsNotMadeByTurning(String cut) throws Exception {
    byte[] model =
        sizes(GraphFixture.opset(17).input("x", -1, 4, 6))
            .weight("w1", 6, 5)
            .weight("w2", 5, 5)
            .weight("k", 5, 3)
            .node("Transpose", "turned", TURN, "x")
            .node("MatMul", "a", "turned", "w1")
            .node("Relu", "b", "a")
            .node("MatMul", "c", "b", "w2")
            .node("ReduceMean", "d", Map.of("axes", new long[] {0}, "keepdims", 0), "c")
            .node("MatMul", "y", "d", "k")
            .output("y", -1, 3)
            .bytes();

    Split split = assertCut(model, cut, 4, 6);

    assertThat(split.features()).containsExactly("b.by.record");
    assertThat(split.featureShapes().get(0).orElseThrow()).containsExactly(4, 5);
  }

  /** Four windows a record: whose they are is lost in the first axis. */
  @Test
  void refusesWhatComesSeveralTimesARecord() {
    byte[] model =
        sizes(GraphFixture.opset(17).input("x", -1, 8, 3))
            .weight("w1", 3, 5)
            .weight("w2", 5, 5)
            .weight("k", 40, 3)
            .integers("windows", DataType.INT64, new long[] {3}, -1, 2, 3)
            .integers("flat", DataType.INT64, new long[] {2}, -1, 40)
            .node("Reshape", "parted", "x", "windows")
            .node("MatMul", "a", "parted", "w1")
            .node("Relu", "b", "a")
            .node("MatMul", "c", "b", "w2")
            .node("Reshape", "d", "c", "flat")
            .node("MatMul", "y", "d", "k")
            .output("y", -1, 3)
            .bytes();

    assertThatThrownBy(() -> OnnxFile.parse(model).split("-2"))
        .hasMessageContaining("`b` would cross the cut but its first axis is not the batch axis");
  }

  /** F.interpolate(x, size=input.shape[-2:]), and a sum of two such heads. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void enlargesByAFactorWhereTheFileSaysToWhichSize(boolean beside) throws Exception {
    GraphFixture graph =
        sizes(GraphFixture.opset(17).input("x", -1, 3, 16, 12))
            .weight("c1", 4, 3, 1, 1)
            .weight("c2", 5, 4, 1, 1)
            .weight("c3", 5, 4, 1, 1)
            .node("Shape", "whole", "x")
            .node("Slice", "to", "whole", "v2", "v4", "v0")
            .node("Conv", "m", Map.of("strides", new long[] {4, 4}), "x", "c1")
            .node("Relu", "map", "m")
            .node("Conv", "beside", "map", "c3")
            .node("Conv", "scores", "map", "c2")
            .node("Add", "both", "beside", "scores");
    String sum = beside ? "both" : "scores";
    byte[] model =
        graph
            .node("Shape", "small", sum)
            .node("Slice", "kept", "small", "v0", "v2", "v0")
            .node("Concat", "size", Map.of("axis", 0), "kept", "to")
            .node("Resize", "large", Map.of("mode", "linear"), sum, "", "", "size")
            .node("Softmax", "y", Map.of("axis", 1), "large")
            .output("y", -1, 5, 16, 12)
            .bytes();

    Split split = assertCut(model, "-1", 3, 16, 12);

    assertThat(split.logits()).isEqualTo("large");
    assertThat(split.logitsMap().orElseThrow()).containsExactly(16, 12);
    assertThat(split.reach()).isEqualTo(1);
    Map<String, OnnxTensorLike> tile = new LinkedHashMap<>();
    for (String feature : split.features()) {
      tile.put(feature, Ort.noise(3, 1, feature.equals("beside") ? 5 : 4, 2, 3));
    }
    tile.putAll(Ort.parameters(split.parameters()));
    assertThat(Ort.values(Ort.run(split.head(), tile).get("large")).shape())
        .as("of a part of a map")
        .containsExactly(1, 5, 8, 12);
  }

  /** softmax(scores.masked_fill(mask == 0, -10000)), where the mask crosses as numbers. */
  @Test
  void tellsTruthsInTheHead() throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4, 6)
            .input("mask", -1, 4)
            .weight("w", 6, 6)
            .weight("k", 6, 3)
            .scalar("zero", 0)
            .scalar("hidden", -10_000)
            .node("MatMul", "a", "x", "w")
            .integers("last", DataType.INT64, new long[] {1}, 2)
            .node("Equal", "away", "mask", "zero")
            .node("Unsqueeze", "wide", "away", "last")
            .node("MatMul", "b", "a", "w")
            .node("Where", "c", "wide", "hidden", "b")
            .node("Softmax", "d", Map.of("axis", 1), "c")
            .node("ReduceMean", "e", Map.of("axes", new long[] {1}, "keepdims", 0), "d")
            .node("MatMul", "y", "e", "k")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs =
        Map.of(
            "x",
            Ort.noise(1, 2, 4, 6),
            "mask",
            Ort.floats(new long[] {2, 4}, 1, 1, 0, 0, 1, 1, 1, 0));

    Split split = OnnxFile.parse(model).split("-2");

    assertThat(split.features()).containsExactlyInAnyOrder("a", "mask");
    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
  }

  /** Of a classifier by angles: its weight has length 1 whenever it is used. */
  @Test
  void trainsAWeightThatIsBroughtToLengthOne() throws Exception {
    byte[] model =
        GraphFixture.opset(13)
            .input("x", -1, 4)
            .weight("w1", 4, 6)
            .weight("w", 3, 6)
            .scalar("ten", 10)
            .node("MatMul", "a", "x", "w1")
            .node("ReduceL2", "length", Map.of("axes", new long[] {1}, "keepdims", 1), "w")
            .node("Div", "unit", "w", "length")
            .node("Transpose", "columns", "unit")
            .node("MatMul", "cosine", "a", "columns")
            .node("Mul", "y", "cosine", "ten")
            .output("y", -1, 3)
            .bytes();

    Split split = assertCut(model, "-1", 4);

    assertThat(split.parameterNames()).containsExactly("w");
    assertThat(split.logits()).as("with its scale").isEqualTo("y");
  }

  /** Neither what takes weights away, nor what another output is made with, is the head's own. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void leavesMasksAndWhatOthersUseAsTheyAre(boolean tied) throws Exception {
    GraphFixture graph =
        GraphFixture.opset(13)
            .input("x", -1, 4)
            .weight("w1", 4, 4)
            .weight("w", 4, 3)
            .tensor(Numbers.tensor("mask", new long[] {4, 3}, new float[12]))
            .node("Mul", "pruned", "w", "mask")
            .node("MatMul", "a", "x", "w1")
            .node("Relu", "b", "a")
            .node("MatMul", "y", "b", "pruned")
            .output("y", -1, 3);
    if (tied) {
      byte[] model = graph.node("MatMul", "z", "x", "pruned").output("z", -1, 3).bytes();
      assertThatThrownBy(() -> OnnxFile.parse(model).split("b"))
          .hasMessageContaining("There is nothing to train there");
    } else {
      assertThat(OnnxFile.parse(graph.bytes()).split("b").parameterNames()).containsExactly("w");
    }
  }

  /** Records put side by side are two a record. */
  @Test
  void refusesWhatIsPutSideBySide() {
    byte[] model =
        GraphFixture.opset(13)
            .input("x", -1, 4)
            .weight("w1", 4, 4)
            .weight("k", 4, 3)
            .node("Concat", "both", Map.of("axis", 0), "x", "x")
            .node("MatMul", "a", "both", "w1")
            .node("MatMul", "y", "a", "k")
            .output("y", -1, 3)
            .bytes();

    assertThatThrownBy(() -> OnnxFile.parse(model).split("-1"))
        .hasMessageContaining("`a` would cross the cut but its first axis is not the batch axis");
  }

  /** Whose first axis is of places, or of one picture for all records. */
  @Test
  void countsTheRecordsOfNoOtherInput() throws Exception {
    GraphFixture graph =
        sizes(GraphFixture.opset(17).input("x", -1, -1, 6).input("p", -1))
            .weight("w", 6, 6)
            .weight("k", 6, 3)
            .node("MatMul", "a", "x", "w")
            .node("Shape", "s", "p")
            .node("ReduceMean", "m", Map.of("axes", new long[] {1}, "keepdims", 0), "a")
            .node("Expand", "b", "m", "s6")
            .integers("s6", DataType.INT64, new long[] {2}, 1, 6)
            .node("MatMul", "y", "b", "k")
            .output("y", -1, 3);
    ModelProto.Builder named = ModelProto.parseFrom(graph.bytes()).toBuilder();
    name(named, 0, "batch", "places");
    name(named, 1, "places");

    Graph read = OnnxFile.parse(named.build().toByteArray()).graph();

    assertThat(read.shapes().times("x").orElseThrow()).containsExactly(1, 0, 0);
    assertThat(read.shapes().times("p")).isEmpty();
    assertThat(read.shapes().size("s")).isEmpty();
  }

  private static void name(ModelProto.Builder model, int input, String... names) {
    for (int axis = 0; axis < names.length; axis++) {
      model
          .getGraphBuilder()
          .getInputBuilder(input)
          .getTypeBuilder()
          .getTensorTypeBuilder()
          .getShapeBuilder()
          .getDimBuilder(axis)
          .setDimParam(names[axis]);
    }
  }

  @Test
  void refusesAHeadWithoutAWeightOfItsOwn() {
    byte[] model =
        GraphFixture.opset(13)
            .input("x", -1, 4)
            .weight("w", 4, 4)
            .node("Exp", "e", "w")
            .node("MatMul", "a", "x", "e")
            .node("Relu", "b", "a")
            .node("MatMul", "y", "b", "e")
            .output("y", -1, 4)
            .bytes();

    assertThatThrownBy(() -> OnnxFile.parse(model).split("-1"))
        .hasMessageContaining("There is nothing to train there");
  }

  private static GraphFixture sizes(GraphFixture graph) {
    for (int i = 0; i < 5; i++) {
      graph
          .integers("i" + i, DataType.INT64, new long[0], i)
          .integers("v" + i, DataType.INT64, new long[] {1}, i);
    }
    return graph;
  }

  private static void assertClose(Ort.Values got, Ort.Values wanted) {
    assertThat(got.shape()).containsExactly(wanted.shape());
    assertThat(got.floats()).containsExactly(wanted.floats(), within(1e-4f));
  }

  /** That the parts say what the whole says, of one record as of three. */
  private static Split assertCut(byte[] model, String cut, long... record) throws Exception {
    Split split = OnnxFile.parse(model).split(cut);
    for (int records : new int[] {1, 3}) {
      long[] shape = new long[record.length + 1];
      shape[0] = records;
      System.arraycopy(record, 0, shape, 1, record.length);
      Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, shape));
      Ort.Values wanted = first(Ort.run(model, inputs));
      Map<String, OnnxTensorLike> parts = Ort.runSplit(split, inputs);
      assertClose(Ort.values(parts.get("y")), wanted);
      assertClose(first(Ort.run(split.merge(split.parameters()), inputs)), wanted);
    }
    return split;
  }
}
