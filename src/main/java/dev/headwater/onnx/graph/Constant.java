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
 * A constant as a layer eats it: an initializer or Constant node, seen through Identity, Transpose
 * and one Cast.
 *
 * @param source the name of the initializer or of the Constant node's output
 * @param tensor its value in the file; {@code null} where the value is not simply stored
 * @param transposed whether rows and columns are swapped on the way to the layer
 * @param quantized whether it is stored as integers behind DequantizeLinear
 * @param obstacle why it cannot be replaced by float32 values; {@code null} if it can
 */
public record Constant(
    String source,
    @Nullable TensorProto tensor,
    boolean transposed,
    boolean quantized,
    @Nullable String obstacle) {
  private static final Set<DataType> CASTABLE =
      Set.of(DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16, DataType.DOUBLE);

  /** Follows the tensor to where its value is stored; empty where it is no constant. */
  public static Optional<Constant> resolve(Graph graph, String tensor) {
    return graph.constant(tensor) ? Optional.of(follow(graph, tensor)) : Optional.empty();
  }

  private static Constant follow(Graph graph, String tensor) {
    String at = tensor;
    boolean transposed = false;
    DataType cast = null;
    while (true) {
      Optional<TensorProto> initializer = graph.initializer(at);
      if (initializer.isPresent()) {
        return stored(at, initializer.get(), transposed, cast);
      }
      NodeProto node = graph.producer(at).orElse(null);
      if (node == null) {
        return computed(at, "is sparse");
      }
      switch (node.getOpType()) {
        case "Identity" -> {}
        case "Transpose" -> {
          if (!swapsTwoAxes(node)) {
            return computed(at, "is transposed over more than two axes in the graph");
          }
          transposed = !transposed;
        }
        case "Cast" -> {
          if (cast != null) {
            return computed(at, "is cast twice in the graph");
          }
          cast = DataType.forNumber((int) Graph.integer(node, "to", 0));
        }
        case "Constant" -> {
          String source = at;
          boolean swap = transposed;
          DataType to = cast;
          return ofNode(node)
              .map(value -> stored(source, value, swap, to))
              .orElseGet(() -> computed(source, "is no dense tensor of numbers"));
        }
        case "DequantizeLinear" -> {
          return new Constant(at, null, transposed, true, "is stored as integers (int8)");
        }
        default -> {
          return computed(at, "is computed in the graph by " + node.getOpType());
        }
      }
      at = node.getInput(0);
    }
  }

  private static Constant computed(String source, String obstacle) {
    return new Constant(source, null, false, false, obstacle);
  }

  private static Constant stored(
      String source, TensorProto tensor, boolean transposed, @Nullable DataType cast) {
    DataType type = DataType.forNumber(tensor.getDataType());
    DataType seen = cast == null ? type : cast;
    String obstacle = null;
    if (seen != DataType.FLOAT || !CASTABLE.contains(type)) {
      obstacle = "is " + seen + ", not FLOAT";
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

  /** The dense tensor of a Constant node, whichever attribute spells it; empty for the others. */
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

  /** The values of a constant INT64 tensor; empty where it is none. */
  public static Optional<long[]> integers(Graph graph, String tensor) {
    return resolve(graph, tensor)
        .filter(constant -> !constant.transposed())
        .map(Constant::tensor)
        .filter(value -> value.getDataType() == DataType.INT64_VALUE)
        .map(Numbers::longs);
  }

  /** Dimensions as the layer sees them. */
  public long[] dims() {
    long[] dims = Shapes.dims(stored());
    return transposed ? new long[] {dims[1], dims[0]} : dims;
  }

  /** How many numbers it holds. */
  public long size() {
    return java.util.Arrays.stream(Shapes.dims(stored())).reduce(1, Math::multiplyExact);
  }

  /** The numbers as the layer sees them, row-major. */
  public float[] values() {
    float[] values = Numbers.floats(stored());
    return transposed ? swapped(values, dims()) : values;
  }

  private static float[] swapped(float[] values, long[] dims) {
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

  private TensorProto stored() {
    if (tensor == null) {
      throw new IllegalStateException("`" + source + "` " + obstacle);
    }
    return tensor;
  }
}
