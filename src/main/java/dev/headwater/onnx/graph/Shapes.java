package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Shapes and element types of a graph's tensors: as declared, else inferred where that is plain.
 *
 * <p>Exporters often leave inner tensors undeclared. This follows only the operators that stand
 * next to a head; an empty answer means "not known", never "wrong".
 */
public final class Shapes {
  private static final int MAX_DEPTH = 64;
  private static final Set<String> SAME_SHAPE =
      Set.of(
          "Identity",
          "Dropout",
          "Cast",
          "Relu",
          "LeakyRelu",
          "PRelu",
          "Elu",
          "Selu",
          "Gelu",
          "Celu",
          "Tanh",
          "Sigmoid",
          "HardSigmoid",
          "HardSwish",
          "Mish",
          "Softplus",
          "Erf",
          "Clip",
          "Sqrt",
          "Neg",
          "Exp",
          "Softmax",
          "LogSoftmax",
          "LayerNormalization",
          "BatchNormalization",
          "InstanceNormalization",
          "LpNormalization",
          "DequantizeLinear",
          "QuantizeLinear");
  private static final Set<String> INTEGER_OUTPUT =
      Set.of("Shape", "Size", "ArgMax", "ArgMin", "NonZero");
  private static final Set<String> BOOLEAN_OUTPUT =
      Set.of(
          "Equal",
          "Greater",
          "GreaterOrEqual",
          "Less",
          "LessOrEqual",
          "And",
          "Or",
          "Not",
          "Xor",
          "IsNaN",
          "IsInf");

  private final Graph graph;
  private final Map<String, TypeProto.Tensor> declared = new HashMap<>();

  Shapes(Graph graph, GraphProto proto) {
    this.graph = graph;
    Stream.of(proto.getValueInfoList(), proto.getInputList(), proto.getOutputList())
        .flatMap(java.util.List::stream)
        .filter(value -> value.getType().hasTensorType())
        .forEach(this::declare);
  }

  private void declare(ValueInfoProto value) {
    declared.put(value.getName(), value.getType().getTensorType());
  }

  /** Dimensions, -1 where one is dynamic. */
  public static long[] dims(TensorShapeProto shape) {
    return shape.getDimList().stream()
        .mapToLong(dim -> dim.hasDimValue() && dim.getDimValue() >= 0 ? dim.getDimValue() : -1)
        .toArray();
  }

  /** The tensor's shape, -1 where a dimension is dynamic; empty where even the rank is unknown. */
  public Optional<long[]> shape(String tensor) {
    return shape(tensor, 0);
  }

  /** The tensor's element type; empty where it is not known. */
  public Optional<DataType> type(String tensor) {
    return type(tensor, 0);
  }

  private Optional<long[]> shape(String tensor, int depth) {
    TypeProto.Tensor type = declared.get(tensor);
    if (type != null && type.hasShape()) {
      return Optional.of(dims(type.getShape()));
    }
    Optional<long[]> initializer = graph.initializer(tensor).map(Shapes::dims);
    if (initializer.isPresent() || depth > MAX_DEPTH) {
      return initializer;
    }
    return graph.producer(tensor).flatMap(node -> inferred(node, depth + 1));
  }

  static long[] dims(TensorProto tensor) {
    return tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
  }

  private Optional<long[]> inferred(NodeProto node, int depth) {
    String op = node.getOpType();
    if (SAME_SHAPE.contains(op)) {
      return shape(node.getInput(0), depth);
    }
    return switch (op) {
      case "Gemm" -> Optional.of(new long[] {-1, gemmWidth(node)});
      case "MatMul" -> matMul(node, depth);
      case "Flatten" -> Optional.of(new long[] {-1, -1});
      case "Reshape" -> reshaped(node);
      case "Add", "Sub", "Mul", "Div", "Pow", "Max", "Min" -> broadcast(node, depth);
      default -> Optional.empty();
    };
  }

  private long gemmWidth(NodeProto node) {
    long[] weight = shape(node.getInput(1)).orElse(new long[0]);
    return weight.length != 2 ? -1 : weight[Graph.integer(node, "transB", 0) == 0 ? 1 : 0];
  }

  private Optional<long[]> matMul(NodeProto node, int depth) {
    Optional<long[]> left = shape(node.getInput(0), depth);
    Optional<long[]> right = shape(node.getInput(1), depth);
    if (left.isEmpty() || right.isEmpty() || right.get().length != 2 || left.get().length < 2) {
      return Optional.empty();
    }
    long[] result = left.get().clone();
    result[result.length - 1] = right.get()[1];
    return Optional.of(result);
  }

  private Optional<long[]> reshaped(NodeProto node) {
    return Constant.integers(graph, node.getInput(1))
        .map(dims -> Arrays.stream(dims).map(dim -> dim <= 0 ? -1 : dim).toArray());
  }

  private Optional<long[]> broadcast(NodeProto node, int depth) {
    if (node.getInputCount() != 2) {
      return Optional.empty();
    }
    Optional<long[]> left = shape(node.getInput(0), depth);
    Optional<long[]> right = shape(node.getInput(1), depth);
    if (left.isEmpty() || right.isEmpty()) {
      return Optional.empty();
    }
    boolean leftLonger = left.get().length >= right.get().length;
    long[] result = (leftLonger ? left : right).get().clone();
    long[] other = (leftLonger ? right : left).get();
    int shift = result.length - other.length;
    for (int i = 0; i < other.length; i++) {
      long here = result[shift + i];
      result[shift + i] = here == 1 || (here < 0 && other[i] > 1) ? other[i] : here;
    }
    return Optional.of(result);
  }

  private Optional<DataType> type(String tensor, int depth) {
    TypeProto.Tensor type = declared.get(tensor);
    if (type != null) {
      return Optional.ofNullable(DataType.forNumber(type.getElemType()));
    }
    Optional<TensorProto> initializer = graph.initializer(tensor);
    if (initializer.isPresent()) {
      return Optional.ofNullable(DataType.forNumber(initializer.get().getDataType()));
    }
    return depth > MAX_DEPTH
        ? Optional.empty()
        : graph.producer(tensor).flatMap(node -> inferredType(node, tensor, depth + 1));
  }

  private Optional<DataType> inferredType(NodeProto node, String tensor, int depth) {
    String op = node.getOpType();
    if (INTEGER_OUTPUT.contains(op) || (op.equals("TopK") && tensor.equals(node.getOutput(1)))) {
      return Optional.of(DataType.INT64);
    }
    if (BOOLEAN_OUTPUT.contains(op)) {
      return Optional.of(DataType.BOOL);
    }
    if (op.equals("Cast")) {
      return Optional.ofNullable(DataType.forNumber((int) Graph.integer(node, "to", 0)));
    }
    if (op.equals("Constant")) {
      return Constant.ofNode(node).map(value -> DataType.forNumber(value.getDataType()));
    }
    boolean secondIsData = op.equals("Where") || op.equals("DequantizeLinear");
    int data = secondIsData ? 1 : 0;
    return Graph.attributeGraphs(node).isEmpty() && node.getInputCount() > data
        ? type(node.getInput(data), depth)
        : Optional.empty();
  }
}
