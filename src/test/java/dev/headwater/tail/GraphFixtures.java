package dev.headwater.tail;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.headwater.onnx.GraphFixture;
import java.util.function.UnaryOperator;
import org.junit.jupiter.params.provider.Arguments;

/** What the tests of operators put round them, and tensors beside random ones. */
final class GraphFixtures {
  static final int DIM = 12;

  private GraphFixtures() {}

  static TensorProto truth(String name, boolean value) {
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(DataType.BOOL_VALUE)
        .addInt32Data(value ? 1 : 0)
        .build();
  }

  /** 0.5, 0.75, 1, ... */
  static TensorProto positive(String name, int size) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(DataType.FLOAT_VALUE).addDims(size);
    for (int i = 0; i < size; i++) {
      tensor.addFloatData(0.5f + 0.25f * i);
    }
    return tensor.build();
  }

  /** Small weights, under which what is repeated or summed up stays near 1. */
  static TensorProto faint(String name, long... shape) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(DataType.FLOAT_VALUE);
    long size = 1;
    for (long length : shape) {
      tensor.addDims(length);
      size *= length;
    }
    for (int i = 0; i < size; i++) {
      tensor.addFloatData((float) (0.4 * Math.sin(1 + 1.7 * i)));
    }
    return tensor.build();
  }

  static TensorProto floats(String name, float... values) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(DataType.FLOAT_VALUE)
            .addDims(values.length);
    for (float value : values) {
      tensor.addFloatData(value);
    }
    return tensor.build();
  }

  /** One integer, as ConstantOfShape takes it. */
  static TensorProto one(long value) {
    return TensorProto.newBuilder()
        .setDataType(DataType.INT64_VALUE)
        .addDims(1)
        .addInt64Data(value)
        .build();
  }

  static GraphFixture ints(GraphFixture graph, String name, long... values) {
    return graph.integers(name, DataType.INT64, new long[] {values.length}, values);
  }

  /** x → MatMul → in → the operator → y → Gemm → logits. */
  static Arguments flat(String name, long opset, UnaryOperator<GraphFixture> operator) {
    GraphFixture graph =
        GraphFixture.opset(opset)
            .input("x", -1, 5)
            .weight("w1", 5, DIM)
            .weight("b1", DIM)
            .scalar("small", 0.4f)
            .node("Mul", "scaled", "x", "small")
            .node("MatMul", "hidden", "scaled", "w1")
            .node("Add", "in", "hidden", "b1");
    byte[] model =
        operator
            .apply(graph)
            .weight("w2", DIM, 3)
            .weight("b2", 3)
            .node("Gemm", "logits", "y", "w2", "b2")
            .output("logits", -1, 3)
            .bytes();
    return Arguments.of(name, model);
  }
}
