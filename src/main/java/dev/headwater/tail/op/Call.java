package dev.headwater.tail.op;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One run of one node. Whatever an operator makes of its inputs belongs to {@link #scope}, for they
 * do. Integers (shapes, indexes) stay on the CPU, where they are read.
 *
 * @param inputs null where one is left out
 */
public record Call(NodeProto node, long opset, List<@Nullable NDArray> inputs, NDManager scope) {

  public NDArray in(int input) {
    NDArray value = optional(input);
    if (value == null) {
      throw new IllegalArgumentException(
          "%s `%s` lacks its input %d".formatted(node.getOpType(), node.getName(), input));
    }
    return value;
  }

  public @Nullable NDArray optional(int input) {
    return input < inputs.size() ? inputs.get(input) : null;
  }

  /** {@code value} where {@code other} is, if that is not the CPU. */
  public static NDArray near(NDArray value, NDArray other) {
    Device device = other.getDevice();
    return device.isGpu() && !device.equals(value.getDevice())
        ? value.toDevice(device, false)
        : value;
  }

  /** An integer input, read; null where it is left out. */
  public long @Nullable [] longs(int input) {
    NDArray value = optional(input);
    return value == null ? null : longs(value);
  }

  static long[] longs(NDArray value) {
    return value.getDataType() == DataType.INT64
        ? value.toLongArray()
        : value.toType(DataType.INT64, false).toLongArray();
  }

  /** A real input, read; null where it is left out or empty. */
  public float @Nullable [] floats(int input) {
    NDArray value = optional(input);
    return value == null || value.size() == 0
        ? null
        : value.toType(DataType.FLOAT32, false).toFloatArray();
  }

  /** An attribute that became an input in a later opset: whichever is given; null if neither. */
  public long @Nullable [] longs(String attribute, int input) {
    return has(attribute) ? integers(attribute) : longs(input);
  }

  public boolean has(String attribute) {
    return Graph.attribute(node, attribute).isPresent();
  }

  public long integer(String attribute, long otherwise) {
    return Graph.integer(node, attribute, otherwise);
  }

  public float real(String attribute, float otherwise) {
    return real(node, attribute, otherwise);
  }

  public static float real(NodeProto node, String attribute, float otherwise) {
    return Graph.attribute(node, attribute).map(AttributeProto::getF).orElse(otherwise);
  }

  public String text(String attribute, String otherwise) {
    return text(node, attribute, otherwise);
  }

  public static String text(NodeProto node, String attribute, String otherwise) {
    return Graph.attribute(node, attribute).map(a -> a.getS().toStringUtf8()).orElse(otherwise);
  }

  /** Reals of an attribute; none where it is left out. */
  public static List<Float> reals(NodeProto node, String attribute) {
    return Graph.attribute(node, attribute).map(AttributeProto::getFloatsList).orElse(List.of());
  }

  /** Integers of an attribute; none where it is left out. */
  public static List<Long> integers(NodeProto node, String attribute) {
    return Graph.attribute(node, attribute).map(AttributeProto::getIntsList).orElse(List.of());
  }

  /** Integers of an attribute; null where it is left out. */
  public long @Nullable [] integers(String attribute) {
    return has(attribute)
        ? integers(node, attribute).stream().mapToLong(Long::longValue).toArray()
        : null;
  }

  /** An axis counted from the front. */
  public static int axis(long axis, int rank) {
    return Math.toIntExact(axis < 0 ? axis + rank : axis);
  }

  /** Integers, where integers stay. */
  public NDArray create(long[] values, Shape shape) {
    return Literals.integers(scope, values, shape);
  }
}
