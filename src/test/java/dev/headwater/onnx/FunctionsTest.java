package dev.headwater.onnx;

import static dev.headwater.onnx.LinearHeadTest.first;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensorLike;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Exporters that write modules as functions hide the layers in them. */
final class FunctionsTest {

  @Test
  void findsTheHeadInsideAFunctionThatIsCalledTwice() throws Exception {
    // given
    byte[] model =
        calling(linear(17))
            .node("nn", "Linear", "h", Map.of("flip", 0), "x", "w1", "b1")
            .node("nn", "Linear", "y", Map.of("flip", 1), "h", "w2", "b2")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4));

    // when
    Split split = OnnxFile.parse(model).split("auto");

    // then
    assertThat(split.features())
        .as("the tensor inside the second call")
        .containsExactly("Linear/2/inner");
    assertThat(split.linear()).contains(new LinearLayer("w2", "b2", true));
    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
    assertThat(first(Ort.run(split.merge(split.parameters()), inputs)))
        .isEqualTo(first(Ort.run(model, inputs)));
  }

  /** As PyTorch names them, once for all calls; ONNX Runtime wants each name once. */
  @Test
  void givesNoTwoNodesTheNameOfOneInAFunction() throws Exception {
    FunctionProto.Builder named = linear(17).toBuilder();
    for (int i = 0; i < named.getNodeCount(); i++) {
      named.getNodeBuilder(i).setName("node" + i);
    }
    byte[] model =
        calling(named.build())
            .node("nn", "Linear", "h", Map.of("flip", 0), "x", "w1", "b1")
            .node("nn", "Linear", "y", Map.of("flip", 1), "h", "w2", "b2")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4));

    Split split = OnnxFile.parse(model).split("h");

    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
    assertThat(first(Ort.run(split.merge(split.parameters()), inputs)))
        .isEqualTo(first(Ort.run(model, inputs)));
  }

  @Test
  void leavesAFunctionOfAnotherOpsetACall() throws Exception {
    // given
    byte[] model =
        calling(linear(13))
            .node("nn", "Linear", "h", Map.of("flip", 0), "x", "w1", "b1")
            .node("Gemm", "y", Map.of("transB", 1), "h", "w2", "b2")
            .output("y", -1, 3)
            .bytes();
    Map<String, OnnxTensorLike> inputs = Map.of("x", Ort.noise(1, 2, 4));

    // when
    Split split = OnnxFile.parse(model).split("auto");

    // then
    assertThat(first(Ort.runSplit(split, inputs))).isEqualTo(first(Ort.run(model, inputs)));
  }

  @Test
  void saysThatLayersInAFunctionOfAnotherOpsetCannotBeSeen() throws Exception {
    byte[] model =
        calling(linear(13))
            .node("nn", "Linear", "y", Map.of("flip", 0), "x", "w1", "b1")
            .output("y", -1, 4)
            .bytes();

    for (String cut : new String[] {"auto", "-1"}) {
      assertThatThrownBy(() -> OnnxFile.parse(model).split(cut))
          .isInstanceOf(OnnxException.class)
          .hasMessageContaining("written for another opset (`Linear`)");
    }
  }

  @Test
  void refusesFunctionsThatCallWithoutEnd() {
    // given
    FunctionProto endless =
        FunctionProto.newBuilder()
            .setDomain("nn")
            .setName("Linear")
            .addInput("x")
            .addOutput("y")
            .addNode(call("t", "x"))
            .addNode(call("y", "t"))
            .build();
    byte[] model =
        calling(endless).node("nn", "Linear", "y", Map.of(), "x").output("y", -1, 3).bytes();

    // then
    assertThatThrownBy(() -> OnnxFile.parse(model))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("function calls are recursive or too many");
  }

  @Test
  @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void refusesFunctionsThatCallMoreThanThereIsTimeFor() {
    GraphFixture network =
        GraphFixture.opset(17)
            .importing("nn", 1)
            .input("x", -1, 4)
            .node("nn", "f0", "y", Map.of(), "x");
    for (int i = 0; i < 40; i++) {
      FunctionProto.Builder doubled = FunctionProto.newBuilder().setDomain("nn").setName("f" + i);
      for (int twice = 0; i < 39 && twice < 2; twice++) {
        doubled.addNode(NodeProto.newBuilder().setDomain("nn").setOpType("f" + (i + 1)));
      }
      network.function(doubled.build());
    }
    byte[] model = network.output("y", -1, 4).bytes();

    assertThatThrownBy(() -> OnnxFile.parse(model))
        .isInstanceOf(OnnxException.class)
        .hasMessageContaining("function calls are recursive or too many");
  }

  @Test
  void readsAFunctionThatCallsItselfFromABranchToAnEnd() throws Exception {
    GraphProto again =
        GraphProto.newBuilder().addNode(call("a", "x")).addOutput(named("a")).build();
    GraphFixture body =
        GraphFixture.opset(17)
            .node("Constant", "c", Map.of("value_int", 1))
            .node("Cast", "b", Map.of("to", 9), "c")
            .node("If", "y", Map.of("then_branch", again, "else_branch", again), "b");
    FunctionProto endless =
        linear(17).toBuilder().clearNode().addAllNode(body.graph().getNodeList()).build();
    byte[] model =
        calling(endless)
            .node("nn", "Linear", "h", Map.of(), "x", "w1", "b1")
            .node("Gemm", "y", Map.of("transB", 1), "h", "w2", "b2")
            .output("y", -1, 3)
            .bytes();

    Split split = OnnxFile.parse(model).split("auto");

    assertThat(split.features()).containsExactly("h");
    assertThat(ModelProto.parseFrom(split.backbone()).getGraph().getNodeCount())
        .as("nodes of the calls that were followed")
        .isBetween(64, 1000);
  }

  private static ValueInfoProto named(String tensor) {
    return ValueInfoProto.newBuilder().setName(tensor).build();
  }

  private static NodeProto call(String output, String input) {
    return NodeProto.newBuilder()
        .setDomain("nn")
        .setOpType("Linear")
        .addInput(input)
        .addOutput(output)
        .build();
  }

  private static GraphFixture calling(FunctionProto function) {
    return GraphFixture.opset(17)
        .importing("nn", 1)
        .function(function)
        .input("x", -1, 4)
        .weight("w1", 4, 4)
        .weight("b1", 4)
        .weight("w2", 3, 4)
        .weight("b2", 3);
  }

  /** x·wᵀ (or x·w, by attribute) + b, by way of an inner tensor. */
  private static FunctionProto linear(long opset) {
    return FunctionProto.newBuilder()
        .setDomain("nn")
        .setName("Linear")
        .addAllInput(List.of("x", "weight", "bias"))
        .addOutput("y")
        .addAttribute("flip")
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
        .addNode(NodeProto.newBuilder().setOpType("Identity").addInput("x").addOutput("inner"))
        .addNode(
            NodeProto.newBuilder()
                .setOpType("Gemm")
                .addAllInput(List.of("inner", "weight", "bias"))
                .addOutput("y")
                .addAttribute(
                    AttributeProto.newBuilder()
                        .setName("transB")
                        .setType(AttributeProto.AttributeType.INT)
                        .setRefAttrName("flip")))
        .build();
  }
}
