package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A constant as a layer reads it: an initializer or Constant node behind any number of Identity and
 * Transpose nodes and at most one Cast.
 *
 * @param source the name of the initializer or of the Constant node's output
 * @param tensor the value as stored in the file; {@code null} if the value is not stored directly
 * @param transposed whether rows and columns are swapped between storage and layer
 * @param quantized whether the value is stored as integers behind DequantizeLinear
 * @param obstacle why float32 values cannot replace it, as the rest of a sentence; {@code null} if
 *     they can
 */
public record Constant(
    String source,
    @Nullable TensorProto tensor,
    boolean transposed,
    boolean quantized,
    @Nullable String obstacle) {
  private static final Set<DataType> CASTABLE =
      Set.of(DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE);

  /** Follows the tensor to its stored value; empty if the tensor is not constant. */
  public static Optional<Constant> resolve(Graph graph, String tensor) {
    return graph.constant(tensor) ? Optional.of(trace(graph, tensor)) : Optional.empty();
  }

  private static Constant trace(Graph graph, String tensor) {
    String current = tensor;
    boolean transposed = false;
    DataType cast = null;
    while (true) {
      Optional<TensorProto> initializer = graph.initializer(current);
      if (initializer.isPresent()) {
        return stored(current, initializer.get(), transposed, cast);
      }
      NodeProto node = graph.producer(current).orElse(null);
      if (node == null) {
        return unavailable(current, "is sparse");
      }
      switch (node.getOpType()) {
        case "Identity" -> {}
        case "Transpose" -> {
          if (!swapsTwoAxes(node)) {
            return unavailable(current, "is transposed over more than two axes in the graph");
          }
          transposed = !transposed;
        }
        case "Cast" -> {
          if (cast != null) {
            return unavailable(current, "is cast twice in the graph");
          }
          cast = DataType.forNumber((int) Graph.integer(node, "to", 0));
        }
        case "Constant" -> {
          String source = current;
          boolean swap = transposed;
          DataType to = cast;
          return ofNode(node)
              .map(value -> stored(source, value, swap, to))
              .orElseGet(() -> unavailable(source, "is not a dense numeric tensor"));
        }
        case "DequantizeLinear" -> {
          return new Constant(current, null, transposed, true, "is stored as integers (int8)");
        }
        default -> {
          return unavailable(current, "is computed in the graph by " + node.getOpType());
        }
      }
      current = node.getInput(0);
    }
  }

  private static Constant unavailable(String source, String obstacle) {
    return new Constant(source, null, false, false, obstacle);
  }

  private static Constant stored(
      String source, TensorProto tensor, boolean transposed, @Nullable DataType cast) {
    DataType type = DataType.forNumber(tensor.getDataType());
    DataType effective = cast == null ? type : cast;
    String obstacle = null;
    if (effective != DataType.FLOAT || !CASTABLE.contains(type)) {
      obstacle = "is " + effective + ", not FLOAT";
    } else if (transposed && tensor.getDimsCount() != 2) {
      obstacle = "is transposed but has " + tensor.getDimsCount() + " dimensions";
    }
    return new Constant(source, tensor, transposed, false, obstacle);
  }

  private static boolean swapsTwoAxes(NodeProto node) {
    List<Long> perm =
        Graph.attribute(node, "perm").map(AttributeProto::getIntsList).orElse(List.of(1L, 0L));
    return perm.equals(List.of(1L, 0L));
  }

  /**
   * Returns the dense tensor of a Constant node from whichever attribute holds it; empty if none
   * does.
   */
  public static Optional<TensorProto> ofNode(NodeProto node) {
    for (AttributeProto attribute : node.getAttributeList()) {
      TensorProto.Builder tensor = TensorProto.newBuilder();
      switch (attribute.getName()) {
        case "value" -> {
          return Optional.of(attribute.getT());
        }
        case "value_float" -> tensor.setDataType(1).addFloatData(attribute.getF());
        case "value_floats" ->
            tensor
                .setDataType(1)
                .addDims(attribute.getFloatsCount())
                .addAllFloatData(attribute.getFloatsList());
        case "value_int" -> tensor.setDataType(7).addInt64Data(attribute.getI());
        case "value_ints" ->
            tensor
                .setDataType(7)
                .addDims(attribute.getIntsCount())
                .addAllInt64Data(attribute.getIntsList());
        default -> {
          continue;
        }
      }
      return Optional.of(tensor.build());
    }
    return Optional.empty();
  }

  /** Returns the values of a constant INT64 tensor; empty for any other tensor. */
  public static Optional<long[]> integers(Graph graph, String tensor) {
    return resolve(graph, tensor)
        .filter(constant -> !constant.transposed())
        .map(Constant::tensor)
        .filter(value -> value.getDataType() == DataType.INT64_VALUE)
        .map(Numbers::longs);
  }

  /** Returns the dimensions as the layer reads them. */
  public long[] dims() {
    long[] dims = Shapes.dims(requireTensor());
    return transposed ? new long[] {dims[1], dims[0]} : dims;
  }

  /** Returns the number of elements. */
  public long size() {
    return java.util.Arrays.stream(Shapes.dims(requireTensor())).reduce(1, Math::multiplyExact);
  }

  /** Returns the values as the layer reads them, row-major. */
  public float[] values() {
    float[] values = Numbers.floats(requireTensor());
    return transposed ? transpose(values, dims()) : values;
  }

  private static float[] transpose(float[] values, long[] dims) {
    int rows = Math.toIntExact(dims[0]);
    int columns = Math.toIntExact(dims[1]);
    float[] result = new float[values.length];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        result[row * columns + column] = values[column * rows + row];
      }
    }
    return result;
  }

  private TensorProto requireTensor() {
    if (tensor == null) {
      throw new IllegalStateException("`" + source + "` " + obstacle);
    }
    return tensor;
  }
}
