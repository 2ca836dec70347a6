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
 * One execution of a node. All inputs belong to {@link #scope}, and so do tensors computed from
 * them. Integer tensors (shapes, indexes) stay on the CPU, where they are read.
 *
 * @param inputs null for an omitted input
 */
public record Call(NodeProto node, long opset, List<@Nullable NDArray> inputs, NDManager scope) {

  public NDArray in(int input) {
    NDArray value = optional(input);
    if (value == null) {
      throw new IllegalArgumentException(
          "%s `%s` has no input %d".formatted(node.getOpType(), node.getName(), input));
    }
    return value;
  }

  public @Nullable NDArray optional(int input) {
    return input < inputs.size() ? inputs.get(input) : null;
  }

  /** Returns {@code value} on the device of {@code other}, if that is a GPU. */
  public static NDArray near(NDArray value, NDArray other) {
    Device device = other.getDevice();
    return device.isGpu() && !device.equals(value.getDevice())
        ? value.toDevice(device, false)
        : value;
  }

  /** Returns the values of an integer input; null if omitted. */
  public long @Nullable [] longs(int input) {
    NDArray value = optional(input);
    return value == null ? null : longs(value);
  }

  static long[] longs(NDArray value) {
    return value.getDataType() == DataType.INT64
        ? value.toLongArray()
        : value.toType(DataType.INT64, false).toLongArray();
  }

  /** Returns the values of a float input; null if omitted or empty. */
  public float @Nullable [] floats(int input) {
    NDArray value = optional(input);
    return value == null || value.size() == 0
        ? null
        : value.toType(DataType.FLOAT32, false).toFloatArray();
  }

  /** Reads an attribute that became an input in a later opset; null if neither is given. */
  public long @Nullable [] longs(String attribute, int input) {
    return has(attribute) ? integers(attribute) : longs(input);
  }

  public boolean has(String attribute) {
    return Graph.attribute(node, attribute).isPresent();
  }

  public long integer(String attribute, long defaultValue) {
    return Graph.integer(node, attribute, defaultValue);
  }

  public float real(String attribute, float defaultValue) {
    return real(node, attribute, defaultValue);
  }

  public static float real(NodeProto node, String attribute, float defaultValue) {
    return Graph.attribute(node, attribute).map(AttributeProto::getF).orElse(defaultValue);
  }

  public String text(String attribute, String defaultValue) {
    return text(node, attribute, defaultValue);
  }

  public static String text(NodeProto node, String attribute, String defaultValue) {
    return Graph.attribute(node, attribute).map(a -> a.getS().toStringUtf8()).orElse(defaultValue);
  }

  /** Returns the floats of an attribute; empty if omitted. */
  public static List<Float> reals(NodeProto node, String attribute) {
    return Graph.attribute(node, attribute).map(AttributeProto::getFloatsList).orElse(List.of());
  }

  /** Returns the integers of an attribute; empty if omitted. */
  public static List<Long> integers(NodeProto node, String attribute) {
    return Graph.attribute(node, attribute).map(AttributeProto::getIntsList).orElse(List.of());
  }

  /** Returns the integers of an attribute; null if omitted. */
  public long @Nullable [] integers(String attribute) {
    return has(attribute)
        ? integers(node, attribute).stream().mapToLong(Long::longValue).toArray()
        : null;
  }

  /** Converts a possibly negative axis to a non-negative one. */
  public static int axis(long axis, int rank) {
    return Math.toIntExact(axis < 0 ? axis + rank : axis);
  }

  /** Creates an integer tensor on the CPU. */
  public NDArray create(long[] values, Shape shape) {
    return Literals.integers(scope, values, shape);
  }
}
