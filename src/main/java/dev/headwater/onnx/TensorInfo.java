package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.headwater.onnx.graph.Shapes;
import java.util.Arrays;

/**
 * A graph input or output as the file declares it.
 *
 * @param shape dimensions, with -1 for a dynamic one; empty for a scalar or an undeclared shape
 */
@SuppressWarnings("ArrayRecordComponent") // equality is defined on content below
public record TensorInfo(String name, ElementType type, long[] shape) {

  static TensorInfo of(ValueInfoProto value) {
    TypeProto.Tensor tensor = value.getType().getTensorType();
    return new TensorInfo(
        value.getName(), ElementType.of(tensor.getElemType()), Shapes.dims(tensor.getShape()));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TensorInfo that
        && name.equals(that.name)
        && type == that.type
        && Arrays.equals(shape, that.shape);
  }

  @Override
  public int hashCode() {
    return 31 * name.hashCode() + Arrays.hashCode(shape);
  }

  @Override
  public String toString() {
    return name + " " + type + Arrays.toString(shape).replace("-1", "?");
  }
}
