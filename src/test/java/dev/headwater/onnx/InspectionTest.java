package dev.headwater.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class InspectionTest {
  @TempDir private Path directory;

  @Test
  void tellsWhatOfTheAnswerIsLeftOut() throws Exception {
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4, 5, 5)
            .weight("w", 3, 4, 1, 1)
            .node("Conv", "map", "x", "w")
            .node("MaxPool", "small", Map.of("kernel_shape", new long[] {5, 5}), "map")
            .node("Softmax", "y", Map.of("axis", 1), "small")
            .output("y", -1, 3, 1, 1)
            .bytes();

    Inspection inspection = Inspection.of(OnnxFile.parsed(model, "model"), split -> null);

    assertThat(inspection.unsupported())
        .anySatisfy(
            reason ->
                assertThat(reason)
                    .contains("the logits `map` and ignore later operators (MaxPool)"));
  }

  @Test
  void tellsWhereAutoCutsAndWhatCanBeTrained() throws Exception {
    // when
    Inspection inspection = inspect(GraphFixture.mlp(4, 6, 3));

    // then
    JsonNode json = new JsonMapper().valueToTree(inspection);
    assertThat(json.at("/cut/tensor").asText()).isEqualTo("r");
    assertThat(json.at("/cut/parameters/0/name").asText()).isEqualTo("fc2.weight");
    assertThat(json.at("/cut/parameters/1/shape").toString()).isEqualTo("[3]");
    assertThat(json.at("/cut/dim").asInt()).isEqualTo(6);
    assertThat(json.at("/cut/classes").asInt()).isEqualTo(3);
    assertThat(json.at("/inputs/0").toString())
        .isEqualTo("{\"name\":\"features\",\"type\":\"FLOAT\",\"shape\":[-1,4]}");
    assertThat(json.at("/outputs/0/name").asText()).isEqualTo("probabilities");
    assertThat(json.at("/opset").asInt()).isEqualTo(17);
    assertThat(json.at("/layers/1/tensors/0").asText()).isEqualTo("features");
    assertThat(json.at("/unsupported").isArray()).isTrue();
    assertThat(inspection.unsupported()).isEmpty();
    assertThat(inspection.render())
        .contains("auto cut   at `r`, [N, 6]")
        .contains("head       3 classes, logits `logits`")
        .contains("parameter  `fc2.weight` [3, 6]")
        .contains("cut -2     GEMM with output `h`, at `features`")
        .doesNotContain("cannot");
  }

  @Test
  void saysWhyAnEncoderHasNoHeadToCutAndWhatToDo() throws Exception {
    // when
    Inspection inspection = inspect(GraphFixture.encoder(13, 8, 4));

    // then
    assertThat(inspection.cut().tensor()).isNull();
    assertThat(inspection.cut().parameters()).isEmpty();
    assertThat(inspection.inputs()).hasSize(2);
    assertThat(inspection.unsupported())
        .anySatisfy(reason -> assertThat(reason).contains("no parametrised layer"));
    assertThat(inspection.render()).contains("auto cut   none").contains("problem    ");
  }

  @Test
  void saysHowDeepACutCanGoAboveIntegerLayers() throws Exception {
    assertThat(inspect(GraphFixture.qdq(4, 3)).unsupported())
        .anySatisfy(
            reason -> assertThat(reason).contains("The last float tensor before it is `h`"));
  }

  @Test
  void saysWhereCutsEndAboveIntegerLayers() throws Exception {
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

    // when
    Inspection inspection = inspect(model);

    // then
    assertThat(inspection.cut().tensor()).isEqualTo("h");
    assertThat(inspection.layers()).extracting(Inspection.LayerInfo::cut).containsExactly("-1");
    assertThat(inspection.unsupported())
        .singleElement()
        .asString()
        .contains("Cannot cut at -2 or deeper", "int8", "The last float cut is -1, at `h`");
  }

  @Test
  void listsNoCutThatIsRefusedAndThoseThatAreDeeper() throws Exception {
    // given
    byte[] model = GraphFixture.picking("Relu");

    // when
    Inspection inspection = inspect(model);

    // then
    assertThat(inspection.layers())
        .extracting(Inspection.LayerInfo::cut)
        .containsExactly("-1", "-3");
    assertThat(inspection.unsupported())
        .singleElement()
        .asString()
        .contains("Cannot cut at -2. `i` would cross the cut but is of type INT64");
    assertThatThrownBy(() -> OnnxFile.parse(model).split("-2"))
        .hasMessageContaining("`i` would cross the cut")
        .hasMessageContaining("The nearest valid cut is -1, at `c`.");
  }

  @Test
  void saysWhichLayersAreNotTrained() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", -1, 4)
            .integers("half", DataType.FLOAT16, new long[] {4, 4}, 0x3800)
            .weight("w", 4, 3)
            .node("Cast", "x16", Map.of("to", 10), "x")
            .node("MatMul", "h16", "x16", "half")
            .node("Cast", "h", Map.of("to", 1), "h16")
            .node("MatMul", "y", "h", "w")
            .output("y", -1, 3)
            .bytes();

    // then
    assertThat(OnnxFile.parse(model).split("-2").parameterNames()).containsExactly("w");
    assertThat(inspect(model).unsupported())
        .singleElement()
        .asString()
        .contains(
            "The layer with output `h16` is not trained because its weight `half` is FLOAT16");
  }

  @Test
  void saysOfAnIntegerEncoderThatItNeedsPoolingAndANewHead() throws Exception {
    // given
    Path file = Path.of("target/encoder/all-minilm-l6-v2-q.onnx");
    Assumptions.assumeTrue(Files.exists(file), "needs mvn generate-resources");

    // then
    assertThat(Inspection.read(file).unsupported())
        .singleElement()
        .asString()
        .contains("`last_hidden_state` is produced by Add", "pool its last hidden state", "int8");
  }

  @Test
  void listsWhatIsWrongWithADamagedFileRatherThanFailing() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(99).input("x", -1, 4).node("Gemm", "y", "x").output("y", -1, 3).bytes();

    // when
    Inspection inspection = inspect(model);

    // then
    assertThat(inspection.unsupported()).hasSize(2);
    assertThat(inspection.inputs()).extracting(TensorInfo::name).containsExactly("x");
    assertThat(inspection.layers()).isEmpty();
  }

  @Test
  void warnsOfAFixedBatchAndOfASingleClass() throws Exception {
    // given
    byte[] model =
        GraphFixture.opset(17)
            .input("x", 1, 4)
            .weight("w", 4, 1)
            .node("MatMul", "y", "x", "w")
            .output("y", 1, 1)
            .bytes();

    // then
    assertThat(inspect(model).unsupported())
        .anySatisfy(reason -> assertThat(reason).contains("`x` has a fixed first axis of size 1"))
        .anySatisfy(reason -> assertThat(reason).contains("kind: regression", "one per class"));
  }

  @Test
  void refusesWhatIsNoOnnx() throws Exception {
    Path file = Files.write(directory.resolve("m.onnx"), new byte[] {1, 2, 3});
    assertThatThrownBy(() -> Inspection.read(file))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("m.onnx is not an ONNX model");
  }

  private Inspection inspect(byte[] model) throws Exception {
    return Inspection.read(Files.write(directory.resolve("m.onnx"), model));
  }
}
