package dev.headwater.onnx;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.headwater.onnx.graph.Graph;
import java.util.Optional;

/** Creates value info for inputs and outputs at a cut; dimensions that may vary are dynamic. */
final class Declared {
  private Declared() {}

  /** Returns value info with the declared or inferred type and shape. */
  static ValueInfoProto asIs(Graph graph, String tensor) {
    return value(tensor, type(graph, tensor), graph.shapes().shape(tensor));
  }

  /** Returns value info with a dynamic batch axis. */
  static ValueInfoProto feature(Graph graph, String tensor, int dim) {
    Optional<long[]> shape =
        dim > 0 ? Optional.of(new long[] {-1, dim}) : graph.shapes().shape(tensor);
    shape = shape.map(long[]::clone);
    shape.filter(dims -> dims.length > 0).ifPresent(dims -> dims[0] = -1);
    return value(tensor, type(graph, tensor), shape);
  }

  /** Returns value info with every axis dynamic, and the rank if known. */
  static ValueInfoProto rankOnly(Graph graph, String tensor) {
    Optional<long[]> shape = graph.shapes().shape(tensor).map(long[]::clone);
    shape.ifPresent(dims -> java.util.Arrays.fill(dims, -1));
    return value(tensor, type(graph, tensor), shape);
  }

  /** Returns FLOAT value info with a dynamic class axis. */
  static ValueInfoProto parameter(String name, long[] shape, int classAxis) {
    long[] dims = shape.clone();
    if (classAxis >= 0) {
      dims[classAxis] = -1;
    }
    return value(name, DataType.FLOAT, Optional.of(dims));
  }

  static ValueInfoProto value(String name, DataType type, Optional<long[]> shape) {
    TypeProto.Tensor.Builder tensor = TypeProto.Tensor.newBuilder().setElemType(type.getNumber());
    shape.ifPresent(dims -> tensor.setShape(shape(dims)));
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(TypeProto.newBuilder().setTensorType(tensor))
        .build();
  }

  private static TensorShapeProto shape(long[] dims) {
    TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
    for (long dim : dims) {
      TensorShapeProto.Dimension.Builder dimension = shape.addDimBuilder();
      if (dim >= 0) {
        dimension.setDimValue(dim);
      }
    }
    return shape.build();
  }

  /** Returns the declared or inferred element type, or FLOAT if unknown. */
  static DataType type(Graph graph, String tensor) {
    return graph.shapes().type(tensor).orElse(DataType.FLOAT);
  }
}
