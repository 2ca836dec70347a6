package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Shapes and element types of a graph's tensors: as declared, else inferred where that is plain.
 *
 * <p>Exporters often leave inner tensors undeclared. This follows only the operators that stand
 * next to a head; an empty answer means "not known", never "wrong".
 */
public final class Shapes {
  private static final Set<String> SAME_SHAPE =
      words(
          "Identity Dropout Cast Abs Log Floor Ceil Round Sign Reciprocal Relu LeakyRelu PRelu Elu Selu Gelu Celu Tanh Sigmoid HardSigmoid"
              + " HardSwish Mish Softplus Erf Clip Sqrt Neg Exp Softmax LogSoftmax"
              + " LayerNormalization RMSNormalization SimplifiedLayerNormalization"
              + " BatchNormalization InstanceNormalization GroupNormalization"
              + " LpNormalization BiasGelu FastGelu QuickGelu SkipLayerNormalization"
              + " SkipSimplifiedLayerNormalization CumSum Trilu Tan Sinh Cosh Asin Acos Atan Shrink"
              + " ScatterND ScatterElements Scatter Swish Sin Cos"
              + " DequantizeLinear QuantizeLinear");
  private static final Set<String> INTEGER_OUTPUT = words("Shape Size ArgMax ArgMin NonZero");
  private static final Set<String> BOOLEAN_OUTPUT =
      words("Equal Greater GreaterOrEqual Less LessOrEqual And Or Not Xor IsNaN IsInf");

  /** Operators whose element type is not that of their first input, nor known here. */
  private static final Set<String> OTHER_TYPE =
      words(
          "QuantizeLinear DynamicQuantizeLinear MatMulInteger ConvInteger QLinearMatMul QLinearConv"
              + " OneHot CastLike If Loop Scan");

  private static final Set<String> SECOND_IS_DATA = Set.of("Where", "DequantizeLinear");

  private final Graph graph;
  private final Map<String, long[]> shapes = new HashMap<>();
  private final Map<String, DataType> types = new HashMap<>();
  private final Inference inference;
  private final Measured measured;

  Shapes(Graph graph, GraphProto proto) {
    this.graph = graph;
    this.measured = new Measured(graph, shapes::get);
    this.inference = new Inference(graph, shapes::get, measured);
    for (TensorProto tensor : proto.getInitializerList()) {
      note(tensor.getName(), dims(tensor), DataType.forNumber(tensor.getDataType()));
    }
    Stream.of(proto.getValueInfoList(), proto.getInputList(), proto.getOutputList())
        .flatMap(List::stream)
        .filter(value -> value.getType().hasTensorType())
        .forEach(this::declared);
    proto.getNodeList().forEach(this::infer);
  }

  private static Set<String> words(String list) {
    return Set.of(list.split(" "));
  }

  private void declared(ValueInfoProto value) {
    TypeProto.Tensor type = value.getType().getTensorType();
    long[] dims = type.hasShape() ? dims(type.getShape()) : null;
    note(value.getName(), dims, DataType.forNumber(type.getElemType()));
  }

  private void note(String tensor, long @Nullable [] dims, @Nullable DataType type) {
    if (dims != null) {
      shapes.putIfAbsent(tensor, dims);
    }
    if (type != null && type != DataType.UNDEFINED) {
      types.putIfAbsent(tensor, type);
    }
  }

  private void infer(NodeProto node) {
    if (node.getOutputCount() > 0 && node.getInputCount() > 0) {
      note(node.getOutput(0), inferred(node), inferredType(node));
    }
    measured.note(node);
    if (node.getOpType().equals("TopK") && node.getOutputCount() > 1) {
      note(node.getOutput(1), null, DataType.INT64);
    }
    for (int i = 1; node.getOpType().equals("Split") && i < node.getOutputCount(); i++) {
      note(node.getOutput(i), inference.part(node, i), types.get(node.getOutput(0)));
    }
    if (node.getOpType().equals("Constant")) {
      Constant.ofNode(node)
          .ifPresent(
              value ->
                  note(node.getOutput(0), dims(value), DataType.forNumber(value.getDataType())));
    }
  }

  /** Dimensions, -1 where one is dynamic. */
  public static long[] dims(TensorShapeProto shape) {
    return shape.getDimList().stream()
        .mapToLong(dim -> dim.hasDimValue() && dim.getDimValue() >= 0 ? dim.getDimValue() : -1)
        .toArray();
  }

  static long[] dims(TensorProto tensor) {
    return tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
  }

  /** The tensor's shape, -1 where a dimension is dynamic; empty where even the rank is unknown. */
  public Optional<long[]> shape(String tensor) {
    long[] known = shapes.get(tensor);
    return known != null ? Optional.of(known.clone()) : fromGemm(tensor);
  }

  /** The tensor's element type; empty where it is not known. */
  public Optional<DataType> type(String tensor) {
    return Optional.ofNullable(types.get(tensor));
  }

  /** Which way a condition goes, where sizes and constants tell. */
  Optional<Boolean> truth(String tensor) {
    return measured.truth(tensor);
  }

  /** What Gemm is applied to has two dimensions, and the width of its weight. */
  private Optional<long[]> fromGemm(String tensor) {
    return graph.consumers(tensor).stream()
        .map(graph::node)
        .filter(node -> node.getOpType().equals("Gemm") && node.getInput(0).equals(tensor))
        .filter(node -> Graph.integer(node, "transA", 0) == 0)
        .findFirst()
        .map(node -> new long[] {-1, gemmWidth(node, true)});
  }

  private long gemmWidth(NodeProto node, boolean data) {
    long[] weight = shapes.get(node.getInput(1));
    boolean transposed = Graph.integer(node, "transB", 0) != 0;
    return weight == null || weight.length != 2 ? -1 : weight[transposed == data ? 1 : 0];
  }

  private long @Nullable [] inferred(NodeProto node) {
    String op = node.getOpType();
    if (op.equals("Where") && node.getInputCount() < 3) {
      return null;
    }
    if (SAME_SHAPE.contains(op)) {
      return shapes.get(node.getInput(0));
    }
    return switch (op) {
      case "Gemm", "FusedGemm" -> new long[] {-1, gemmWidth(node, false)};
      case "MatMul" -> matMul(shapes.get(node.getInput(0)), shapes.get(node.getInput(1)));
      case "Reshape" -> reshaped(node);
      case "Transpose" -> transposed(node, shapes.get(node.getInput(0)));
      case "Add", "Sub", "Mul", "Div", "Pow", "Equal", "Less", "Greater", "And", "Or" ->
          broadcast(shapes.get(node.getInput(0)), shapes.get(node.getInput(1)));
      case "Max", "Min", "Sum", "Mean" -> {
        long[] result = shapes.get(node.getInput(0));
        for (String input : node.getInputList()) {
          result = broadcast(result, shapes.get(input));
        }
        yield result;
      }
      case "Where" ->
          broadcast(
              shapes.get(node.getInput(0)),
              broadcast(shapes.get(node.getInput(1)), shapes.get(node.getInput(2))));
      default -> {
        long[] followed = inference.of(node);
        yield followed == null && op.equals("Flatten") ? new long[] {-1, -1} : followed;
      }
    };
  }

  private static long @Nullable [] matMul(long @Nullable [] left, long @Nullable [] right) {
    if (left == null || right == null || right.length < 2 || left.length < 2) {
      return null;
    }
    int ahead = Math.max(left.length, right.length) - 2;
    long[] batch =
        broadcast(Arrays.copyOf(left, left.length - 2), Arrays.copyOf(right, right.length - 2));
    long[] result = Arrays.copyOf(batch == null ? new long[0] : batch, ahead + 2);
    result[ahead] = left[left.length - 2];
    result[ahead + 1] = right[right.length - 1];
    return result;
  }

  private static long @Nullable [] transposed(NodeProto node, long @Nullable [] shape) {
    List<Long> perm =
        Graph.attribute(node, "perm").map(AttributeProto::getIntsList).orElse(List.of(1L, 0L));
    if (shape == null || perm.size() != shape.length) {
      return null;
    }
    return perm.stream()
        .mapToLong(axis -> axis >= 0 && axis < shape.length ? shape[axis.intValue()] : -1)
        .toArray();
  }

  private long @Nullable [] reshaped(NodeProto node) {
    long[] wanted = measured.of(node.getInput(1));
    if (wanted == null) {
      return null;
    }
    long[] x = shapes.get(node.getInput(0));
    boolean copies = Graph.integer(node, "allowzero", 0) == 0;
    long[] result = wanted.clone();
    for (int i = 0; i < wanted.length; i++) {
      boolean copied = wanted[i] == 0 && copies;
      result[i] = copied ? (x == null || i >= x.length ? -1 : x[i]) : Math.max(-1, wanted[i]);
    }
    boolean counted = node.getInput(0).equals(measured.counted(node.getInput(1)));
    fillIn(result, wanted, x, counted);
    return result;
  }

  /** The one dimension left open, where all others are known and the first is left as it was. */
  private static void fillIn(long[] result, long[] wanted, long @Nullable [] x, boolean counted) {
    boolean kept = wanted.length > 0 && (wanted[0] == 0 || counted);
    int from = kept ? 1 : 0;
    long total = x == null ? -1 : product(x, from);
    long others = 1;
    int open = -1;
    for (int i = from; i < result.length; i++) {
      if (wanted[i] == -1) {
        open = i;
      } else {
        others *= result[i] > 0 ? result[i] : 0;
      }
    }
    if (open >= 0 && total > 0 && others > 0 && total % others == 0) {
      result[open] = total / others;
    }
  }

  private static long product(long[] shape, int from) {
    long product = 1;
    for (int i = from; i < shape.length; i++) {
      product = shape[i] < 0 || product < 0 ? -1 : product * shape[i];
    }
    return product;
  }

  private static long @Nullable [] broadcast(long @Nullable [] left, long @Nullable [] right) {
    if (left == null || right == null) {
      return null;
    }
    long[] result = (left.length >= right.length ? left : right).clone();
    long[] other = left.length >= right.length ? right : left;
    int shift = result.length - other.length;
    for (int i = 0; i < other.length; i++) {
      long here = result[shift + i];
      result[shift + i] = here == 1 || (here < 0 && other[i] > 1) ? other[i] : here;
    }
    return result;
  }

  private @Nullable DataType inferredType(NodeProto node) {
    String op = node.getOpType();
    if (INTEGER_OUTPUT.contains(op)) {
      return DataType.INT64;
    }
    if (BOOLEAN_OUTPUT.contains(op)) {
      return DataType.BOOL;
    }
    if (op.equals("Cast")) {
      return DataType.forNumber((int) Graph.integer(node, "to", 0));
    }
    if (op.equals("ConstantOfShape")) {
      return DataType.forNumber(
          Graph.attribute(node, "value").map(v -> v.getT().getDataType()).orElse(1));
    }
    int data = SECOND_IS_DATA.contains(op) ? 1 : 0;
    return OTHER_TYPE.contains(op) || node.getInputCount() <= data
        ? null
        : types.get(node.getInput(data));
  }
}
