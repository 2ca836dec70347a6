package dev.headwater.tail.op;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.headwater.onnx.graph.Constant;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.onnx.graph.Numbers;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Tensors stored in the graph: initializers and Constant nodes. */
public final class Literals {
  private Literals() {}

  public static Map<String, Operator> operators() {
    return Map.of(
        "Constant",
        Operator.of(call -> of(call.scope(), value(call.node()))).unless(Literals::obstacle),
        "ConstantOfShape",
        Operator.of(Literals::filled));
  }

  /** Returns why the tensor is not supported, as a predicate; null if it is. */
  public static @Nullable String obstacle(TensorProto tensor) {
    return held(tensor.getDataType()) == null
        ? "has the unsupported element type " + TensorProto.DataType.forNumber(tensor.getDataType())
        : null;
  }

  private static @Nullable String obstacle(NodeProto node) {
    return Constant.ofNode(node)
        .map(Literals::obstacle)
        .orElse(Constant.ofNode(node).isEmpty() ? "is not a dense numeric tensor" : null);
  }

  private static TensorProto value(NodeProto node) {
    return Constant.ofNode(node)
        .orElseThrow(() -> new IllegalArgumentException("a Constant node has no value"));
  }

  /** Returns the PyTorch type that represents an ONNX element type; null if unsupported. */
  static @Nullable DataType held(int type) {
    TensorProto.DataType onnxType = TensorProto.DataType.forNumber(type);
    return onnxType == null
        ? null
        : switch (onnxType) {
          case FLOAT, FLOAT16, BFLOAT16, DOUBLE -> DataType.FLOAT32;
          case INT64, INT32, INT16, INT8, UINT8, UINT16, UINT32 -> DataType.INT64;
          case BOOL -> DataType.BOOLEAN;
          default -> null;
        };
  }

  /** Creates the tensor; integers and booleans are on the CPU. */
  public static NDArray of(NDManager manager, TensorProto tensor) {
    Shape shape = new Shape(tensor.getDimsList());
    DataType type = held(tensor.getDataType());
    if (type == DataType.FLOAT32) {
      return manager.create(Numbers.floats(tensor), shape);
    }
    NDArray values = integers(manager, Numbers.integers(tensor), shape);
    return type == DataType.BOOLEAN ? values.toType(DataType.BOOLEAN, false) : values;
  }

  /** Creates an integer tensor on the CPU. */
  static NDArray integers(NDManager manager, long[] values, Shape shape) {
    return manager.create(values, shape).toDevice(Device.cpu(), false);
  }

  private static NDArray filled(Call call) {
    Shape shape = new Shape(Call.longs(call.in(0)));
    TensorProto value =
        Graph.attribute(call.node(), "value")
            .map(AttributeProto::getT)
            .orElse(Numbers.tensor("", new long[] {1}, new float[] {0}));
    DataType type = held(value.getDataType());
    if (type == DataType.FLOAT32) {
      return call.scope().full(shape, Numbers.floats(value)[0]);
    }
    long[] filled = new long[Math.toIntExact(shape.size())];
    Arrays.fill(filled, Numbers.integers(value)[0]);
    NDArray result = call.create(filled, shape);
    return type == DataType.BOOLEAN ? result.toType(DataType.BOOLEAN, false) : result;
  }
}
