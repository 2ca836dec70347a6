package dev.headwater.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtException;
import com.google.protobuf.ByteString;
import dev.headwater.onnx.graph.Checks;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

final class OnnxFileTest {

  @Test
  void readsWhatTheFileDeclares(@TempDir Path directory) throws Exception {
    // given
    Path file = directory.resolve("mlp.onnx");
    Files.write(file, GraphFixture.mlp(4, 6, 3));

    // when
    OnnxFile model = OnnxFile.read(file);

    // then
    assertThat(model.opset()).isEqualTo(17);
    assertThat(model.inputs())
        .containsExactly(new TensorInfo("features", ElementType.FLOAT, new long[] {-1, 4}));
    assertThat(model.outputs())
        .containsExactly(new TensorInfo("probabilities", ElementType.FLOAT, new long[] {-1, 3}));
  }

  @Test
  void doesNotAskForInputsThatTheFileFills() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(8)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .initializersAsInputs()
            .node("MatMul", "y", "x", "w")
            .output("y", -1, 3)
            .bytes();

    // then
    assertThat(OnnxFile.parse(model).inputs()).extracting(TensorInfo::name).containsExactly("x");
  }

  @Test
  void refusesWhatIsNoOnnx(@TempDir Path directory) {
    byte[] page = "<!doctype html><p>404".getBytes(StandardCharsets.UTF_8);
    assertRefused(page, "not an ONNX model");
    assertRefused(new byte[0], "it has no graph");
    assertRefused(ModelProto.getDefaultInstance().toByteArray(), "it has no graph");
    assertThatThrownBy(() -> OnnxFile.read(directory.resolve("missing.onnx")))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("Cannot read");
    assertThatThrownBy(() -> OnnxFile.read(directory))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("Cannot read");
  }

  @Test
  void refusesEveryFileCutShortWithoutAnyOtherFailure() {
    // given
    byte[] whole = GraphFixture.mlp(4, 6, 3);

    for (int length = 0; length < whole.length; length++) {
      byte[] part = Arrays.copyOf(whole, length);
      try {
        // when: some prefixes are whole models by chance (what follows is optional)
        OnnxFile.parse(part).split("auto");
      } catch (OnnxException refused) {
        // then
        assertThat(refused.getMessage()).as("prefix of %d bytes", length).isNotBlank();
      }
    }
  }

  static Stream<byte[]> models() {
    return Stream.of(
        GraphFixture.conv1x1(1, 2, 2),
        GraphFixture.mlp(2, 2, 2),
        GraphFixture.matMulAdd(2, -1, -1, 2),
        GraphFixture.qdq(2, 2),
        GraphFixture.encoder(13, 2, 2));
  }

  @ParameterizedTest
  @MethodSource("models")
  void refusesAnyFlippedByteOrUsesItWithoutAnyOtherFailure(byte[] whole) {
    for (int at = 0; at < whole.length; at++) {
      for (int flip : new int[] {1, 2, 0x80, 0xff}) {
        byte[] damaged = whole.clone();
        damaged[at] ^= (byte) flip;
        try {
          // when
          Split split = OnnxFile.parse(damaged).split("-1");
          split.merge(split.parameters());
          split.head();
          split.backbone();
        } catch (OnnxException refused) {
          // then
          assertThat(refused.getMessage()).as("byte %d", at).isNotBlank();
        }
      }
    }
  }

  @Test
  void refusesExternalData() {
    assertDamaged(
        tensor ->
            tensor
                .clearFloatData()
                .setDataLocation(TensorProto.DataLocation.EXTERNAL)
                .addExternalData(
                    StringStringEntryProto.newBuilder()
                        .setKey("location")
                        .setValue("../../etc/passwd")),
        "external data");
  }

  @Test
  void readsWeightsFromAFileBesideTheModel(@TempDir Path directory) throws Exception {
    ModelProto whole = ModelProto.parseFrom(GraphFixture.mlp(4, 6, 3));
    ByteString.Output data = ByteString.newOutput();
    data.write(new byte[16]);
    ModelProto.Builder parted = whole.toBuilder();
    for (TensorProto.Builder tensor : parted.getGraphBuilder().getInitializerBuilderList()) {
      ByteBuffer bytes =
          ByteBuffer.allocate(Float.BYTES * tensor.getFloatDataCount())
              .order(ByteOrder.LITTLE_ENDIAN);
      tensor.getFloatDataList().forEach(bytes::putFloat);
      outside(tensor, "m.onnx.data", data.size(), bytes.capacity());
      data.write(bytes.array());
    }
    Path file = Files.write(directory.resolve("m.onnx"), parted.build().toByteArray());
    Path beside = Files.write(directory.resolve("m.onnx.data"), data.toByteString().toByteArray());
    Map<String, OnnxTensorLike> inputs = Map.of("features", Ort.noise(1, 2, 4));

    byte[] merged =
        OnnxFile.read(file).split("-2").merge(OnnxFile.read(file).split("-2").parameters());

    assertThat(Ort.values(Ort.run(merged, inputs).get("probabilities")))
        .isEqualTo(Ort.values(Ort.run(whole.toByteArray(), inputs).get("probabilities")));

    Files.write(beside, new byte[40]);
    assertThatThrownBy(() -> OnnxFile.read(file))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("too short for the weights of");
    Files.delete(beside);
    assertThatThrownBy(() -> OnnxFile.read(file))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("fc1.weight")
        .hasMessageContaining("m.onnx.data");
    outside(parted.getGraphBuilder().getInitializerBuilder(0), "../m.onnx.data", 0, 4);
    Files.write(file, parted.build().toByteArray());
    assertThatThrownBy(() -> OnnxFile.read(file))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("not in the model's directory");
  }

  private static void outside(TensorProto.Builder tensor, String file, int offset, int length) {
    tensor
        .clearFloatData()
        .setDataLocation(TensorProto.DataLocation.EXTERNAL)
        .clearExternalData()
        .addExternalData(entry("location", file))
        .addExternalData(entry("offset", Integer.toString(offset)))
        .addExternalData(entry("length", Integer.toString(length)));
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  @Test
  void neverTrustsSizes() {
    assertDamaged(t -> t.setDims(0, Long.MAX_VALUE), "too large for any file");
    assertDamaged(t -> t.setDims(0, 1L << 40), "but has");
    assertDamaged(t -> t.setDims(0, -3), "negative dimension");
    assertDamaged(t -> t.addFloatData(1), "needs 12 values but has 13");
    assertDamaged(t -> t.clearFloatData(), "but has 0");
    assertDamaged(
        t -> t.clearFloatData().setRawData(ByteString.copyFrom(new byte[47])),
        "needs 48 bytes but has 47");
    assertDamaged(t -> t.setDataType(99), "unknown element type 99");
  }

  private static void assertDamaged(Consumer<TensorProto.Builder> damage, String reason) {
    ModelProto.Builder model = matMul().model().toBuilder();
    damage.accept(model.getGraphBuilder().getInitializerBuilder(0));
    assertRefused(model.build().toByteArray(), reason);
  }

  @Test
  void refusesTensorsThatNothingMakes() {
    assertRefused(
        matMul().node("Add", "z", "y", "ghost").bytes(), "`ghost`, which no earlier node produces");
    assertRefused(matMul().output("phantom", 1).bytes(), "No node produces the output `phantom`");
    assertRefused(matMul().node("Relu", "y", "x").bytes(), "`y` is produced twice");
    assertRefused(matMul().node("Gemm", "z", "x").bytes(), "too few inputs");
  }

  @Test
  void refusesTensorsThatNothingInASubgraphMakes() {
    // given
    GraphFixture branch = GraphFixture.opset(17).node("Relu", "t", "ghost").output("t", -1, 3);
    GraphFixture model =
        matMul()
            .node("Cast", "c", Map.of("to", 9), "x")
            .node(
                "If",
                "z",
                Map.of("then_branch", branch.graph(), "else_branch", branch.graph()),
                "c");

    // then
    assertRefused(model.bytes(), "`ghost`");
  }

  @Test
  void refusesOperatorsOfUnknownDomainsButNotUnusedImports() throws Exception {
    // given
    GraphFixture used =
        matMul().importing("com.acme", 1).node("com.acme", "Secret", "z", Map.of(), "y");

    // then
    assertRefused(used.bytes(), "operator domain `com.acme` is not supported");
    assertThat(OnnxFile.parse(matMul().importing("com.acme", 1).bytes()).opset()).isEqualTo(17);
    assertRefused(
        matMul().node("com.microsoft", "FastGelu", "z", Map.of(), "y").bytes(),
        "does not import its opset");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "ai.onnx.ml", "com.microsoft"})
  void refusesTheFirstOpsetThatOnnxRuntimeRefuses(String domain) throws Exception {
    // given
    long newest = Checks.NEWEST_OPSETS.get(domain);
    byte[] known = importing(domain, newest);
    byte[] unknown = importing(domain, newest + 1);

    // then
    new Ort(known).close();
    OnnxFile.parse(known);
    assertThatThrownBy(() -> new Ort(unknown)).isInstanceOf(OrtException.class);
    assertRefused(unknown, "newer than the newest supported opset, " + newest);
  }

  private static byte[] importing(String domain, long version) {
    return domain.isEmpty()
        ? GraphFixture.opset(version).input("x", 1).node("Relu", "y", "x").output("y", 1).bytes()
        : matMul().importing(domain, version).bytes();
  }

  @Test
  void refusesTheFirstIrVersionThatOnnxRuntimeRefuses() throws Exception {
    // given
    byte[] known =
        matMul().model().toBuilder().setIrVersion(Checks.NEWEST_IR).build().toByteArray();
    byte[] unknown =
        matMul().model().toBuilder().setIrVersion(Checks.NEWEST_IR + 1).build().toByteArray();

    // then
    new Ort(known).close();
    OnnxFile.parse(known);
    assertThatThrownBy(() -> new Ort(unknown)).isInstanceOf(OrtException.class);
    assertRefused(unknown, "IR version 14 is newer");
  }

  @Test
  void refusesOpsetsTooOldOrNone() {
    assertRefused(
        GraphFixture.opset(6).input("x", 1).node("Relu", "y", "x").output("y", 1).bytes(),
        "Opset 6 is older than the oldest supported opset, 7");
    assertRefused(
        matMul().model().toBuilder().clearOpsetImport().build().toByteArray(),
        "does not import the default operator set");
  }

  @Test
  void refusesDropoutThatDrops() throws Exception {
    byte[] dropping = dropout(g -> g.integers("on", DataType.BOOL, new long[0], 1));
    float[] ones = new float[64];
    Arrays.fill(ones, 1);
    assertThat(
            Ort.values(
                    Ort.run(dropping, Map.of("x", Ort.floats(new long[] {1, 64}, ones))).get("d"))
                .floats())
        .as("what ONNX Runtime makes of it in service")
        .contains(0);

    assertRefused(dropping, "Dropout node with output `d` drops values at random");
    assertRefused(
        dropout(
            g -> g.integers("yes", DataType.BOOL, new long[0], 1).node("Identity", "on", "yes")),
        "export the model in eval mode");
    assertRefused(
        dropout(g -> g.integerInput("mode").node("Cast", "on", Map.of("to", 9), "mode")),
        "training_mode");
    OnnxFile.parse(dropout(g -> g.integers("on", DataType.BOOL, new long[0], 0)));
    OnnxFile.parse(
        dropout(g -> g.integers("no", DataType.BOOL, new long[0], 0).node("Identity", "on", "no")));
    OnnxFile.parse(
        dropout(g -> g.integers("eval", DataType.BOOL, new long[0], 1).node("Not", "on", "eval")));
    OnnxFile.parse(
        dropout(
            g ->
                g.integers("no", DataType.INT64, new long[0], 0)
                    .node("Cast", "on", Map.of("to", 9), "no")));
  }

  @Test
  void readsDropoutThatCannotDropAnything() throws Exception {
    GraphFixture graph =
        matMul()
            .scalar("half", .5f)
            .scalar("none", 0)
            .integers("on", DataType.BOOL, new long[0], 1)
            .node("Dropout", "unused", "y", "half", "on")
            .node("Dropout", "same", "y", "none", "on")
            .output("same", -1, 3);

    OnnxFile.parse(graph.bytes());

    assertRefused(graph.output("unused", -1, 3).bytes(), "with output `unused` drops values");
  }

  @Test
  void readsNodesThatHaveNoInputs() throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .integers("first", DataType.INT64, new long[0], 0)
            .node("SequenceEmpty", "none")
            .node("SequenceInsert", "one", "none", "x")
            .node("SequenceAt", "h", "one", "first")
            .node("MatMul", "y", "h", "w")
            .output("y", -1, 3)
            .bytes();

    assertThat(OnnxFile.parse(model).split("auto").features()).containsExactly("h");
  }

  /** ONNX Runtime 1.28 crashes on a bias of LayerNormalization that is written as left out. */
  @Test
  void leavesOutWhatIsSaidToBeLeftOut() throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .weight("s", 4)
            .weight("w", 4, 3)
            .node("LayerNormalization", "n", "x", "s", "")
            .node("MatMul", "y", "n", "w")
            .output("y", -1, 3)
            .bytes();

    Split split = OnnxFile.parse(model).split("auto");

    assertThat(ModelProto.parseFrom(split.backbone()).getGraph().getNode(0).getInputList())
        .containsExactly("x", "s");
    assertThat(Ort.runSplit(split, Map.of("x", Ort.noise(1, 2, 4)))).isNotEmpty();
  }

  private static byte[] dropout(UnaryOperator<GraphFixture> mode) {
    GraphFixture graph = GraphFixture.opset(13).input("x", -1, 64).scalar("ratio", .5f);
    return mode.apply(graph)
        .weight("w", 64, 3)
        .node("Dropout", "d", "x", "ratio", "on")
        .node("MatMul", "y", "d", "w")
        .output("y", -1, 3)
        .output("d", -1, 64)
        .bytes();
  }

  @Test
  void listsEveryProblemAtOnce() {
    byte[] model =
        GraphFixture.opset(99)
            .integers("n", DataType.INT64, new long[] {1}, 1)
            .node("Add", "y", "n", "ghost")
            .output("y", 1)
            .bytes();
    assertRefused(model, "Opset 99");
    assertRefused(model, "`ghost`");
  }

  private static GraphFixture matMul() {
    return GraphFixture.opset(17)
        .input("x", -1, 4)
        .weight("w", 4, 3)
        .node("MatMul", "y", "x", "w")
        .output("y", -1, 3);
  }

  private static void assertRefused(byte[] model, String reason) {
    assertThatThrownBy(() -> OnnxFile.parse(model))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining(reason);
  }
}
