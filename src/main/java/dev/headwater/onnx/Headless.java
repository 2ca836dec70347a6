package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.onnx.graph.Graph;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Puts an empty linear head (Gemm) on an encoder's features. */
final class Headless {
  private Headless() {}

  static Split split(ModelProto header, Graph graph, String features) throws OnnxException {
    int dim = width(graph, features);
    String weight = graph.unused("head.weight");
    String bias = graph.unused("head.bias");
    String logits = graph.unused("logits");
    NodeProto gemm =
        NodeProto.newBuilder()
            .setOpType("Gemm")
            .setName(graph.unused("head"))
            .addAllInput(List.of(features, weight, bias))
            .addOutput(logits)
            .addAttribute(
                AttributeProto.newBuilder()
                    .setName("transB")
                    .setType(AttributeProto.AttributeType.INT)
                    .setI(1))
            .build();
    GraphProto whole =
        graph.proto().toBuilder()
            .addNode(gemm)
            .clearOutput()
            .addOutput(Declared.value(logits, DataType.FLOAT, Optional.of(new long[] {-1, -1})))
            .build();
    return new Split(
        header,
        new Graph(whole),
        Optional.empty(),
        new Split.Spec(
            List.of(features),
            dim,
            new Split.Logits(logits, -1, 0),
            List.of(
                new Split.Slot(weight, new long[] {0, dim}, 0),
                new Split.Slot(bias, new long[] {0}, 0)),
            List.of(),
            Optional.of(new LinearLayer(weight, bias, true))));
  }

  private static int width(Graph graph, String features) throws OnnxException {
    if (!graph.has(features) || graph.constant(features)) {
      throw new OnnxException(
          "There is no computed tensor `%s` to put a head on. The outputs are: %s."
              .formatted(features, graph.outputs()));
    }
    DataType type = graph.shapes().type(features).orElse(DataType.FLOAT);
    if (type != DataType.FLOAT) {
      throw new OnnxException(
          "`%s` is %s, and a head needs FLOAT features.".formatted(features, type));
    }
    long[] shape = graph.shapes().shape(features).orElse(new long[0]);
    if (shape.length == 3) {
      throw new OnnxException(
          "`%s` is one vector per token, %s: pool it first, then put the head on the result."
              .formatted(features, Arrays.toString(shape).replace("-1", "?")));
    }
    if (shape.length != 2 || shape[1] <= 0) {
      throw new OnnxException(
          "The file does not say that `%s` is [N, D] with a fixed D, but %s: export it with shapes."
              .formatted(features, Arrays.toString(shape).replace("-1", "?")));
    }
    return Math.toIntExact(shape[1]);
  }
}
