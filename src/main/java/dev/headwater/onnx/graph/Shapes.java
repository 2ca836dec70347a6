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
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;
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
              + " ScatterND ScatterElements Scatter Swish Sin Cos Not IsNaN IsInf"
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

  /** What the file calls the number of records, if anything. */
  private final @Nullable String records;

  private final boolean distinct;

  Shapes(Graph graph, GraphProto proto) {
    this.graph = graph;
    this.measured = new Measured(graph, shapes::get, types::get);
    this.inference = new Inference(graph, shapes::get, measured);
    this.records = records(graph);
    this.distinct = distinct(graph, records);
    for (TensorProto tensor : proto.getInitializerList()) {
      note(tensor.getName(), dims(tensor), DataType.forNumber(tensor.getDataType()));
    }
    graph.inputs().forEach(this::fed);
    Stream.of(proto.getValueInfoList(), proto.getInputList(), proto.getOutputList())
        .flatMap(List::stream)
        .filter(value -> value.getType().hasTensorType())
        .forEach(this::declared);
    proto.getNodeList().stream().filter(Graph::standard).forEach(this::infer);
  }

  private static Set<String> words(String list) {
    return Set.of(list.split(" "));
  }

  /** What most inputs call their first axis; of as many the one that is called so first. */
  private static @Nullable String records(Graph graph) {
    List<String> names =
        graph.inputs().stream()
            .map(input -> input.getType().getTensorType().getShape())
            .filter(shape -> shape.getDimCount() > 0)
            .map(shape -> shape.getDim(0).getDimParam())
            .filter(name -> !name.isEmpty())
            .toList();
    return names.stream()
        .reduce((a, b) -> Collections.frequency(names, b) > Collections.frequency(names, a) ? b : a)
        .orElse(null);
  }

  /** Whether the name stands for the number of records wherever it stands. */
  private static boolean distinct(Graph graph, @Nullable String name) {
    return name != null
        && graph.inputs().stream()
            .flatMap(i -> i.getType().getTensorType().getShape().getDimList().stream().skip(1))
            .noneMatch(dim -> dim.getDimParam().equals(name));
  }

  /** Its first size is the number of records, unless the file fixes that or calls it otherwise. */
  private void fed(ValueInfoProto input) {
    TensorShapeProto shape = input.getType().getTensorType().getShape();
    if (shape.getDimCount() > 0 && shape.getDimCount() <= Inference.HIGHEST_RANK) {
      long[] dims = named(shape);
      String name = shape.getDim(0).getDimParam();
      boolean counts = name.isEmpty() || name.equals(records);
      dims[0] = dims[0] == -1 && counts ? Records.ONE : dims[0];
      shapes.put(input.getName(), dims);
    }
  }

  private void declared(ValueInfoProto value) {
    TypeProto.Tensor type = value.getType().getTensorType();
    long[] dims = type.hasShape() ? named(type.getShape()) : null;
    note(value.getName(), dims, DataType.forNumber(type.getElemType()));
  }

  private long[] named(TensorShapeProto shape) {
    long[] dims = dims(shape);
    for (int i = 0; i < dims.length; i++) {
      boolean counted = distinct && shape.getDim(i).getDimParam().equals(records) && dims[i] < 0;
      dims[i] = counted ? Records.ONE : dims[i];
    }
    return dims;
  }

  private void note(String tensor, long @Nullable [] dims, @Nullable DataType type) {
    if (dims != null && dims.length <= Inference.HIGHEST_RANK) {
      shapes.merge(tensor, dims, Shapes::filled);
    }
    if (type != null && type != DataType.UNDEFINED) {
      types.putIfAbsent(tensor, type);
    }
  }

  /**
   * As declared, and where that leaves a size open, or is of one number of records, as inferred.
   */
  private static long[] filled(long[] known, long[] more) {
    return known.length != more.length
        ? known
        : IntStream.range(0, known.length)
            .mapToLong(i -> known[i] == -1 || Records.counted(more[i]) ? more[i] : known[i])
            .toArray();
  }

  private void infer(NodeProto node) {
    if (node.getOutputCount() > 0 && node.getInputCount() > 0) {
      note(node.getOutput(0), told(() -> inferred(node)), inferredType(node));
    }
    measured.note(node);
    for (int i = 1; i < node.getOutputCount() && node.getInputCount() > 0; i++) {
      int output = i;
      note(node.getOutput(i), told(() -> inference.further(node, output)), further(node));
    }
    if (node.getOpType().equals("Constant")) {
      Constant.ofNode(node)
          .ifPresent(
              value ->
                  note(node.getOutput(0), dims(value), DataType.forNumber(value.getDataType())));
    }
  }

  private static long @Nullable [] told(Supplier<long @Nullable []> inferred) {
    try {
      return inferred.get();
    } catch (IndexOutOfBoundsException | ArithmeticException | IllegalArgumentException nonsense) {
      return null; // too few inputs, say: whoever runs the node will say so
    }
  }

  private @Nullable DataType further(NodeProto node) {
    return switch (node.getOpType()) {
      case "Split", "LSTM", "GRU", "RNN" -> types.get(node.getInput(0));
      case "TopK" -> DataType.INT64;
      default -> null;
    };
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
    return known != null ? Optional.of(Records.hidden(known)) : fromGemm(tensor);
  }

  /** Whether the file leaves open how many records there are. */
  public boolean counts() {
    return graph.inputs().stream().anyMatch(input -> times(input.getName()).isPresent());
  }

  /**
   * How many times the number of records each axis of the tensor has, 0 where it goes by another
   * measure; empty where nothing of it goes with the number of records.
   */
  public Optional<long[]> times(String tensor) {
    long[] known = shapes.getOrDefault(tensor, new long[0]);
    return Arrays.stream(known).anyMatch(Records::counted)
        ? Optional.of(
            Arrays.stream(known).map(s -> Records.counted(s) ? Records.times(s) : 0).toArray())
        : Optional.empty();
  }

  /**
   * Integers that the graph computes from sizes: times · N + plus, where N is the number of
   * records.
   *
   * @param shape of the tensor
   */
  @SuppressWarnings("ArrayRecordComponent") // read once, never compared
  public record Size(long[] times, long[] plus, long[] shape) {
    /** Whether they are the same for any number of records. */
    public boolean fixed() {
      return Arrays.stream(times).allMatch(t -> t == 0);
    }
  }

  /** What the tensor's integers are; empty where that is not known of all of them. */
  public Optional<Size> size(String tensor) {
    long[] values = measured.of(tensor);
    long[] shape = shapes.get(tensor);
    long room =
        shape == null ? -1 : Arrays.stream(shape).reduce(1, (a, b) -> a < 0 || b < 0 ? -1 : a * b);
    if (values == null || shape == null || room != values.length) {
      return Optional.empty();
    }
    return Arrays.stream(values).allMatch(Records::told)
        ? Optional.of(
            new Size(
                Arrays.stream(values).map(v -> Records.counted(v) ? Records.times(v) : 0).toArray(),
                Arrays.stream(values).map(v -> Records.counted(v) ? 0 : v).toArray(),
                shape.clone()))
        : Optional.empty();
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
        .map(node -> Records.hidden(new long[] {-1, gemmWidth(node, true)}));
  }

  private long[] gemm(NodeProto node, long @Nullable [] x) {
    int rows = Graph.integer(node, "transA", 0) == 0 ? 0 : 1;
    return new long[] {x == null || x.length != 2 ? -1 : x[rows], gemmWidth(node, false)};
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
      case "Gemm", "FusedGemm" -> gemm(node, shapes.get(node.getInput(0)));
      case "MatMul" -> matMul(shapes.get(node.getInput(0)), shapes.get(node.getInput(1)));
      case "Reshape" -> reshaped(node);
      case "Transpose" -> transposed(node, shapes.get(node.getInput(0)));
      case "Add", "Sub", "Mul", "Div", "Mod", "Pow", "Equal", "Less", "Greater", "And", "Or" ->
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
      result[i] = copied ? (x == null || i >= x.length ? -1 : x[i]) : Records.dimension(wanted[i]);
    }
    int from = wanted.length > 0 && wanted[0] == 0 && copies ? 1 : 0; // that one is the same
    fillIn(result, wanted, x == null ? null : Records.volume(x, from, -1), from);
    return result;
  }

  /** The one dimension left open, where all others are known, and how many values there are. */
  private static void fillIn(
      long[] result, long[] wanted, Records.@Nullable Volume values, int from) {
    int open = -1;
    for (int i = from; i < wanted.length; i++) {
      open = wanted[i] == -1 ? i : open;
    }
    Records.Volume others = Records.volume(result, from, open);
    if (open >= 0 && values != null && others != null) {
      result[open] = values.over(others);
    }
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
      boolean vague = here == -1 && Records.counted(other[i]); // then it is that, or 1
      result[shift + i] = here == 1 || vague || (here < 0 && other[i] > 1) ? other[i] : here;
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
