package dev.headwater.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import dev.headwater.bundle.Bundles;
import dev.headwater.onnx.graph.Graph;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is said of a tensor's shape, where the file declares nothing but its inputs, beside what
 * ONNX Runtime makes: no dimension that is told is another one.
 */
final class InferredShapesTest {

  /** As the older exporter spells flatten(2), reshape(B, N, 3, H, D), unbind and its way back. */
  @Test
  void followsAttentionOverPatches() throws Exception {
    GraphFixture graph =
        GraphFixture.opset(17)
            .input("x", -1, 3, 16, 12)
            .weight("patches", 8, 3, 4, 4)
            .weight("places", 1, 12, 8)
            .weight("qkv", 8, 24)
            .weight("proj", 8, 8)
            .weight("head", 5, 8)
            .scalar("scale", 0.5f)
            .integers("i0", DataType.INT64, new long[0], 0)
            .integers("i1", DataType.INT64, new long[0], 1)
            .integers("i2", DataType.INT64, new long[0], 2)
            .integers("v0", DataType.INT64, new long[] {1}, 0)
            .integers("v2", DataType.INT64, new long[] {1}, 2)
            .integers("v3", DataType.INT64, new long[] {1}, 3)
            .integers("v4", DataType.INT64, new long[] {1}, 4)
            .integers("heads", DataType.INT64, new long[0], 2)
            .integers("rest", DataType.INT64, new long[] {1}, -1);
    graph
        .node("Conv", "map", Map.of("strides", new long[] {4, 4}), "x", "patches")
        .node("Shape", "s0", "map")
        .node("Slice", "s1", "s0", "v0", "v2", "v0")
        .node("Concat", "s2", Map.of("axis", 0), "s1", "rest")
        .node("Reshape", "rows", "map", "s2")
        .node("Transpose", "tokens", Map.of("perm", new long[] {0, 2, 1}), "rows")
        .node("Add", "placed", "tokens", "places")
        .node("Shape", "s3", "placed")
        .node("Gather", "b", "s3", "i0")
        .node("Gather", "n", "s3", "i1")
        .node("Gather", "c", "s3", "i2")
        .node("Div", "d", "c", "heads")
        .node("Unsqueeze", "ub", "b", "v0")
        .node("Unsqueeze", "un", "n", "v0")
        .node("Unsqueeze", "uc", "c", "v0")
        .node("Unsqueeze", "ud", "d", "v0")
        .node("Concat", "five", Map.of("axis", 0), "ub", "un", "v3", "v2", "ud")
        .node("MatMul", "all", "placed", "qkv")
        .node("Reshape", "parted", "all", "five")
        .node("Transpose", "turned", Map.of("perm", new long[] {2, 0, 3, 1, 4}), "parted")
        .node("Gather", "q", "turned", "i0")
        .node("Gather", "k", "turned", "i1")
        .node("Gather", "v", "turned", "i2")
        .node("Mul", "scaled", "q", "scale")
        .node("Transpose", "kt", Map.of("perm", new long[] {0, 1, 3, 2}), "k")
        .node("MatMul", "scores", "scaled", "kt")
        .node("Softmax", "weights", Map.of("axis", -1), "scores")
        .node("MatMul", "mixed", "weights", "v")
        .node("Transpose", "back", Map.of("perm", new long[] {0, 2, 1, 3}), "mixed")
        .node("Concat", "three", Map.of("axis", 0), "ub", "un", "uc")
        .node("Reshape", "joined", "back", "three")
        .node("MatMul", "projected", "joined", "proj")
        .node("Add", "residual", "placed", "projected")
        .node("ReduceMean", "mean", Map.of("axes", new long[] {1}, "keepdims", 0), "residual")
        .node("Gemm", "y", Map.of("transB", 1), "mean", "head")
        .output("y", -1, 5);
    byte[] model = graph.bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 3, 3, 16, 12));

    assertAsMade(model, inputs);

    assertThat(shape(model, "rows")).containsExactly(-1, 8, 12);
    assertThat(shape(model, "parted")).containsExactly(-1, 12, 3, 2, 4);
    assertThat(shape(model, "scores")).containsExactly(-1, 2, 12, 12);
    assertThat(shape(model, "residual")).containsExactly(-1, 12, 8);
    Split split = OnnxFile.parse(model).split("-2");
    assertThat(split.featureShapes()).allMatch(Optional::isPresent);
    assertThat(LinearHeadTest.first(Ort.runSplit(split, inputs)))
        .isEqualTo(LinearHeadTest.first(Ort.run(model, inputs)));
  }

  @Test
  void followsWhatCutsAndJoinsMaps() throws Exception {
    byte[] model =
        GraphFixture.opset(18)
            .input("x", -1, 8, 9, 7)
            .weight("w", 3, 8)
            .integers("from", DataType.INT64, new long[] {2}, 1, -5)
            .integers("to", DataType.INT64, new long[] {2}, 9_000, -1)
            .integers("axes", DataType.INT64, new long[] {2}, 2, 3)
            .integers("steps", DataType.INT64, new long[] {2}, 3, 1)
            .integers("pads", DataType.INT64, new long[] {8}, 0, 0, 1, 2, 0, 0, 0, 2)
            .integers("twice", DataType.INT64, new long[] {4}, 1, 1, 2, 1)
            .integers("sizes", DataType.INT64, new long[] {4}, 1, 1, 4, 6)
            .integers("last", DataType.INT64, new long[] {2}, 2, 3)
            .node("Slice", "a", "x", "from", "to", "axes", "steps")
            .node("Pad", "b", "a", "pads")
            .node("Tile", "c", "b", "twice")
            .node("SpaceToDepth", "d", Map.of("blocksize", 2), "c")
            .node("DepthToSpace", "e", Map.of("blocksize", 2), "d")
            .node("Max", "f", "e", "c")
            .node("ReduceMean", "g", Map.of("keepdims", 1), "f", "last")
            .node("Expand", "h", "g", "sizes")
            .node("Shape", "s", Map.of("start", 2), "h")
            .node("ConstantOfShape", "zeros", "s")
            .node("Add", "i", "h", "zeros")
            .node("ReduceMean", "j", Map.of("keepdims", 0), "i", "last")
            .node("Gemm", "y", Map.of("transB", 1), "j", "w")
            .output("y", -1, 3)
            .bytes();

    assertAsMade(model, Map.of("x", Ort.noise(1, 2, 8, 9, 7)));

    assertThat(shape(model, "a")).containsExactly(-1, 8, 3, 4);
    assertThat(shape(model, "c")).containsExactly(-1, 8, 8, 8);
    assertThat(shape(model, "i")).containsExactly(-1, 8, 4, 6);
  }

  /** As ONNX Runtime makes them, which is not always the size that is asked for. */
  @Test
  void followsWhatIsPaddedToASize() throws Exception {
    Map<String, Object> dilated =
        Map.of("kernel_shape", new long[] {2, 2}, "dilations", new long[] {2, 1});
    Map<String, Object> same = new HashMap<>(dilated);
    same.put("auto_pad", "SAME_UPPER");
    byte[] model =
        GraphFixture.opset(19)
            .input("x", -1, 2, 6, 7)
            .weight("w", 2, 2, 2, 2)
            .node("MaxPool", "a", same, "x")
            .node("AveragePool", "b", same, "x")
            .node("MaxPool", "c", dilated, "x")
            .node(
                "ConvTranspose",
                "d",
                Map.of("auto_pad", "SAME_UPPER", "strides", l(3, 2)),
                "x",
                "w")
            .output("d", -1, 2, 17, 14)
            .bytes();

    assertThat(assertAsMade(model, Map.of("x", Ort.noise(1, 2, 2, 6, 7))))
        .containsExactly("a", "b");

    assertThat(shape(model, "a")).containsExactly(-1, 2, -1, 7);
    assertThat(shape(model, "d")).containsExactly(-1, 2, 17, 14);
  }

  private static long[] l(long... values) {
    return values;
  }

  /** Whose first axis is no count of records, or whose sizes are put together in other ways. */
  @Test
  void tellsNothingThatMayBeAnother() throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 8, 3, 4, 4)
            .weight("w", 5, 3, 4, 4)
            .integers("frames", DataType.INT64, new long[] {4}, -1, 3, 4, 4)
            .integers("i0", DataType.INT64, new long[] {1}, 0)
            .integers("rest", DataType.INT64, new long[] {2}, -1, 5)
            .integers("flat", DataType.INT64, new long[] {1}, -1)
            .integers("parts", DataType.INT32, new long[] {2}, 3, 2)
            .integers("pads", DataType.INT64, new long[] {3, 2}, 0, 0, 1, 1, 2, 2)
            .integers("from32", DataType.INT32, new long[] {1}, 0)
            .integers("to32", DataType.INT32, new long[] {1}, 2)
            .integers("five", DataType.INT64, new long[] {1}, 5)
            .node("Reshape", "each", "x", "frames")
            .node("Conv", "map", "each", "w")
            .node("Flatten", "rows", "map")
            .node("Shape", "s", "x")
            .node("Gather", "n", "s", "i0")
            .node("Concat", "three", Map.of("axis", 0), "n", "rest")
            .node("Reshape", "videos", "rows", "three")
            .node("Transpose", "turned", "pads")
            .node("Reshape", "listed", "turned", "flat")
            .node("Pad", "padded", "videos", "listed")
            .node("Cast", "parts64", Map.of("to", 7), "parts")
            .node("Split", "a", Map.of("axis", 1), "rows", "parts64")
            .node("Shape", "s2", "videos")
            .node("Slice", "s3", "s2", "from32", "to32")
            .node("Concat", "s4", Map.of("axis", 0), "s3", "five")
            .node("Reshape", "same", "videos", "s4")
            .output("same", -1, -1, 5)
            .bytes();
    ModelProto.Builder twoParts = ModelProto.parseFrom(model).toBuilder();
    for (NodeProto.Builder node : twoParts.getGraphBuilder().getNodeBuilderList()) {
      if (node.getOpType().equals("Split")) {
        node.addOutput("b");
      }
    }

    List<String> gaps =
        assertAsMade(twoParts.build().toByteArray(), Map.of("x", Ort.noise(1, 2, 8, 3, 4, 4)));

    assertThat(gaps).isEmpty();
  }

  @Test
  void followsSlicesFromBehindAndBeyond() throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 6, 5)
            .integers("from", DataType.INT64, new long[] {2}, -100, -1)
            .integers("to", DataType.INT64, new long[] {2}, Long.MIN_VALUE, -Long.MAX_VALUE)
            .integers("axes", DataType.INT64, new long[] {2}, 1, 2)
            .integers("back", DataType.INT64, new long[] {2}, -1, -2)
            .integers("zero", DataType.INT64, new long[] {1}, 0)
            .integers("all", DataType.INT64, new long[] {1}, Long.MAX_VALUE)
            .integers("one", DataType.INT64, new long[] {1}, 1)
            .node("Slice", "turned", "x", "from", "to", "axes", "back")
            .node("Slice", "first", "x", "zero", "all", "one", "all")
            .node("Concat", "y", Map.of("axis", 0), "turned", "turned")
            .output("y", -1, 1, 3)
            .bytes();

    assertThat(assertAsMade(model, Map.of("x", Ort.noise(1, 2, 6, 5)))).isEmpty();

    assertThat(shape(model, "turned")).containsExactly(-1, 1, 3);
    assertThat(shape(model, "first")).containsExactly(-1, 1, 5);
    assertThat(bare(model).shapes().times("y").orElseThrow()).containsExactly(2, 0, 0);
  }

  /** Of files nobody would write but to do harm. */
  @ParameterizedTest
  @ValueSource(strings = {"inputs", "rows", "parts", "rank", "size"})
  void staysCalmAbout(String nonsense) throws Exception {
    GraphFixture graph =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .integers("v", DataType.INT64, new long[] {1}, 0)
            .integers("many", DataType.INT64, new long[] {100_000}, new long[100_000]);
    switch (nonsense) {
      case "inputs" -> graph.node("Mod", "m", "v").node("Split", "p");
      case "rows" ->
          graph.node("Shape", "s", "x").declare("s", 1L << 32).node("Slice", "t", "s", "v", "v");
      case "parts" -> graph.node("Concat", "c", Map.of("axis", 0), many());
      case "rank" -> graph.node("Reshape", "r", "x", "many").node("Unsqueeze", "u", "r", "many");
      default -> graph.node("Relu", "z", "x").declare("z", 1L << 40, 1L << 40, 1L << 40);
    }
    byte[] model = graph.node("MatMul", "y", "x", "w").output("y", -1, 3).bytes();

    Graph read = new Graph(ModelProto.parseFrom(model).getGraph());

    assertThat(read.shapes().shape("y").orElseThrow()).containsExactly(-1, 3);
  }

  private static String[] many() {
    String[] many = new String[30_000];
    Arrays.fill(many, "v");
    return many;
  }

  @ParameterizedTest
  @ValueSource(strings = {"gas", "fashion", "nuclei", "bert"})
  void isNeverWrongOfRealNetworks(String name) throws Exception {
    byte[] model = Files.readAllBytes(Bundles.data(name).resolve("model.onnx"));
    Map<String, OnnxTensorLike> inputs =
        switch (name) {
          case "gas" -> Map.of("features", Ort.noise(1, 3, 128));
          case "fashion" -> Map.of("image", Ort.noise(1, 3, 1, 28, 28));
          case "nuclei" -> Map.of("image", Ort.noise(1, 2, 1, 128, 128));
          default ->
              Map.of(
                  "input_ids", Ort.longs(new long[] {2, 3}, 10, 27, 55, 63, 12, 9),
                  "attention_mask", Ort.longs(new long[] {2, 3}, 1, 1, 1, 1, 1, 0));
        };

    List<String> gaps = assertAsMade(model, inputs);

    if (!name.equals("bert")) { // whose texts are of any length
      assertThat(gaps).isEmpty();
    }
  }

  @Test
  void isNeverWrongOfWhatWasExported() throws Exception {
    for (Path file : Exported.files()) {
      OnnxFile read = OnnxFile.read(file);
      assertAsMade(Files.readAllBytes(file), Exported.inputs(read));
    }
  }

  /** Returns the tensors of which more than the number of records is not told. */
  private static List<String> assertAsMade(byte[] model, Map<String, OnnxTensorLike> inputs)
      throws Exception {
    Graph graph = bare(model);
    GraphProto.Builder open = graph.proto().toBuilder().clearOutput();
    List<String> made = new ArrayList<>();
    for (NodeProto node : graph.proto().getNodeList()) {
      node.getOutputList().stream().filter(o -> !o.isEmpty()).forEach(made::add);
    }
    made.forEach(tensor -> open.addOutput(ValueInfoProto.newBuilder().setName(tensor)));
    ModelProto whole = OnnxFile.parsed(model, "model").toBuilder().setGraph(open).build();
    Map<String, OnnxTensorLike> outputs = Ort.run(whole.toByteArray(), inputs);
    List<String> gaps = new ArrayList<>();
    for (String tensor : made) {
      long[] wanted = ((OnnxTensor) outputs.get(tensor)).getInfo().getShape();
      long[] told = graph.shapes().shape(tensor).orElse(null);
      long[] times = graph.shapes().times(tensor).orElse(null);
      boolean complete = told != null;
      if (told != null) {
        assertThat(told).as(tensor).hasSameSizeAs(wanted);
        for (int i = 0; i < told.length; i++) {
          long counted = times == null ? 0 : times[i] * records(inputs);
          assertThat(counted > 0 ? counted : told[i])
              .as("%s, axis %d", tensor, i)
              .isIn(-1L, wanted[i]);
          complete &= i == 0 || told[i] >= 0;
        }
      }
      if (!complete) {
        gaps.add(tensor);
      }
    }
    return gaps;
  }

  private static long records(Map<String, OnnxTensorLike> inputs) {
    return ((OnnxTensor) inputs.values().iterator().next()).getInfo().getShape()[0];
  }

  /** Declares nothing of what it makes. */
  private static Graph bare(byte[] model) throws Exception {
    GraphProto.Builder graph =
        OnnxFile.parsed(model, "model").getGraph().toBuilder().clearValueInfo();
    List<ValueInfoProto> outputs = graph.getOutputList();
    graph.clearOutput();
    outputs.forEach(o -> graph.addOutput(ValueInfoProto.newBuilder().setName(o.getName())));
    return new Graph(graph.build());
  }

  private static long[] shape(byte[] model, String tensor) throws Exception {
    return bare(model).shapes().shape(tensor).orElseThrow();
  }
}
