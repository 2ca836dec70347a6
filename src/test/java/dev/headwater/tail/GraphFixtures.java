package dev.headwater.tail;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;

/** Tensors that the tests of operators need beside random ones. */
final class GraphFixtures {
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
}
