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
 * Shapes and element types of a graph's tensors, as declared or else inferred.
 *
 * <p>Exporters often declare no value info for inner tensors. Inference covers only the operators
 * that appear near a head. An empty result means "unknown".
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

  /** Operators whose output type differs from their first input's and is not inferred here. */
  private static final Set<String> OTHER_TYPE =
      words(
          "QuantizeLinear DynamicQuantizeLinear MatMulInteger ConvInteger QLinearMatMul QLinearConv"
              + " OneHot CastLike If Loop Scan");

  private static final Set<String> TYPED_BY_SECOND_INPUT = Set.of("Where", "DequantizeLinear");

  private final Graph graph;
  private final Map<String, long[]> shapes = new HashMap<>();
  private final Map<String, DataType> types = new HashMap<>();
  private final Inference inference;
  private final Measured measured;

  /** The symbolic dimension that stands for the batch size, if the file names one. */
  private final @Nullable String batchDim;

  private final boolean batchDimUnambiguous;

  Shapes(Graph graph, GraphProto proto) {
    this.graph = graph;
    this.measured = new Measured(graph, shapes::get, types::get);
    this.inference = new Inference(graph, shapes::get, measured);
    this.batchDim = findBatchDim(graph);
    this.batchDimUnambiguous = isUnambiguous(graph, batchDim);
    for (TensorProto tensor : proto.getInitializerList()) {
      add(tensor.getName(), dims(tensor), DataType.forNumber(tensor.getDataType()));
    }
    graph.inputs().forEach(this::addInput);
    Stream.of(proto.getValueInfoList(), proto.getInputList(), proto.getOutputList())
        .flatMap(List::stream)
        .filter(value -> value.getType().hasTensorType())
        .forEach(this::addDeclared);
    proto.getNodeList().stream().filter(Graph::standard).forEach(this::infer);
  }

  private static Set<String> words(String list) {
    return Set.of(list.split(" "));
  }

  /** Returns the most frequent name of the inputs' first axes; the first one if several tie. */
  private static @Nullable String findBatchDim(Graph graph) {
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

  /** Returns whether the name stands for the batch size on every axis that has it. */
  private static boolean isUnambiguous(Graph graph, @Nullable String name) {
    return name != null
        && graph.inputs().stream()
            .flatMap(i -> i.getType().getTensorType().getShape().getDimList().stream().skip(1))
            .noneMatch(dim -> dim.getDimParam().equals(name));
  }

  /** Adds an input. Its first axis is the batch axis unless it is fixed or has another name. */
  private void addInput(ValueInfoProto input) {
    TensorShapeProto shape = input.getType().getTensorType().getShape();
    if (shape.getDimCount() > 0 && shape.getDimCount() <= Inference.HIGHEST_RANK) {
      long[] dims = dimsWithBatch(shape);
      String name = shape.getDim(0).getDimParam();
      boolean batched = name.isEmpty() || name.equals(batchDim);
      dims[0] = dims[0] == -1 && batched ? Records.ONE : dims[0];
      shapes.put(input.getName(), dims);
    }
  }

  private void addDeclared(ValueInfoProto value) {
    TypeProto.Tensor type = value.getType().getTensorType();
    long[] dims = type.hasShape() ? dimsWithBatch(type.getShape()) : null;
    add(value.getName(), dims, DataType.forNumber(type.getElemType()));
  }

  private long[] dimsWithBatch(TensorShapeProto shape) {
    long[] dims = dims(shape);
    for (int i = 0; i < dims.length; i++) {
      String name = shape.getDim(i).getDimParam();
      boolean batched = batchDimUnambiguous && name.equals(batchDim) && dims[i] < 0;
      dims[i] = batched ? Records.ONE : dims[i];
    }
    return dims;
  }

  private void add(String tensor, long @Nullable [] dims, @Nullable DataType type) {
    if (dims != null && dims.length <= Inference.HIGHEST_RANK) {
      shapes.merge(tensor, dims, Shapes::merge);
    }
    if (type != null && type != DataType.UNDEFINED) {
      types.putIfAbsent(tensor, type);
    }
  }

  /** Prefers declared sizes, except where they are unknown or the inferred size depends on N. */
  private static long[] merge(long[] known, long[] inferred) {
    return known.length != inferred.length
        ? known
        : IntStream.range(0, known.length)
            .mapToLong(i -> known[i] == -1 || Records.counted(inferred[i]) ? inferred[i] : known[i])
            .toArray();
  }

  private void infer(NodeProto node) {
    if (node.getOutputCount() > 0 && node.getInputCount() > 0) {
      add(node.getOutput(0), orUnknown(() -> inferShape(node)), inferType(node));
    }
    measured.note(node);
    for (int i = 1; i < node.getOutputCount() && node.getInputCount() > 0; i++) {
      int output = i;
      add(
          node.getOutput(i),
          orUnknown(() -> inference.further(node, output)),
          inferOtherType(node));
    }
    if (node.getOpType().equals("Constant")) {
      Constant.ofNode(node)
          .ifPresent(
              value ->
                  add(node.getOutput(0), dims(value), DataType.forNumber(value.getDataType())));
    }
  }

  private static long @Nullable [] orUnknown(Supplier<long @Nullable []> shape) {
    try {
      return shape.get();
    } catch (IndexOutOfBoundsException | ArithmeticException | IllegalArgumentException invalid) {
      return null; // for example too few inputs: running the node reports them
    }
  }

  private @Nullable DataType inferOtherType(NodeProto node) {
    return switch (node.getOpType()) {
      case "Split", "LSTM", "GRU", "RNN" -> types.get(node.getInput(0));
      case "TopK" -> DataType.INT64;
      default -> null;
    };
  }

  /** Returns the dimensions, with -1 for a dynamic one. */
  public static long[] dims(TensorShapeProto shape) {
    return shape.getDimList().stream()
        .mapToLong(dim -> dim.hasDimValue() && dim.getDimValue() >= 0 ? dim.getDimValue() : -1)
        .toArray();
  }

  static long[] dims(TensorProto tensor) {
    return tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
  }

  /** Returns the tensor's shape, with -1 for a dynamic dimension; empty if the rank is unknown. */
  public Optional<long[]> shape(String tensor) {
    long[] known = shapes.get(tensor);
    return known != null ? Optional.of(Records.hidden(known)) : fromGemm(tensor);
  }

  /** Returns whether an input has a dynamic batch axis. */
  public boolean counts() {
    return graph.inputs().stream().anyMatch(input -> times(input.getName()).isPresent());
  }

  /**
   * Returns c for each axis of size c · N, where N is the batch size, and 0 for every other axis;
   * empty if no axis depends on N.
   */
  public Optional<long[]> times(String tensor) {
    long[] known = shapes.getOrDefault(tensor, new long[0]);
    return Arrays.stream(known).anyMatch(Records::counted)
        ? Optional.of(
            Arrays.stream(known).map(s -> Records.counted(s) ? Records.times(s) : 0).toArray())
        : Optional.empty();
  }

  /**
   * Integers that the graph computes from sizes: times · N + plus, where N is the batch size.
   *
   * @param shape the shape of the tensor
   */
  @SuppressWarnings("ArrayRecordComponent") // read once, never compared
  public record Size(long[] times, long[] plus, long[] shape) {
    /** Returns whether the values do not depend on the batch size. */
    public boolean fixed() {
      return Arrays.stream(times).allMatch(t -> t == 0);
    }
  }

  /** Returns the tensor's integers; empty unless all of them are known. */
  public Optional<Size> size(String tensor) {
    long[] values = measured.of(tensor);
    long[] shape = shapes.get(tensor);
    long count =
        shape == null ? -1 : Arrays.stream(shape).reduce(1, (a, b) -> a < 0 || b < 0 ? -1 : a * b);
    if (values == null || shape == null || count != values.length) {
      return Optional.empty();
    }
    return Arrays.stream(values).allMatch(Records::isKnown)
        ? Optional.of(
            new Size(
                Arrays.stream(values).map(v -> Records.counted(v) ? Records.times(v) : 0).toArray(),
                Arrays.stream(values).map(v -> Records.counted(v) ? 0 : v).toArray(),
                shape.clone()))
        : Optional.empty();
  }

  /** Returns the tensor's element type; empty if unknown. */
  public Optional<DataType> type(String tensor) {
    return Optional.ofNullable(types.get(tensor));
  }

  /** Returns the value of a condition; empty unless sizes and constants determine it. */
  Optional<Boolean> truth(String tensor) {
    return measured.truth(tensor);
  }

  /** Infers the input of a Gemm: two dimensions, the second as wide as the weight. */
  private Optional<long[]> fromGemm(String tensor) {
    return graph.consumers(tensor).stream()
        .map(graph::node)
        .filter(node -> node.getOpType().equals("Gemm") && node.getInput(0).equals(tensor))
        .filter(node -> Graph.integer(node, "transA", 0) == 0)
        .findFirst()
        .map(node -> Records.hidden(new long[] {-1, gemmWidth(node, true)}));
  }

  private long[] inferGemm(NodeProto node, long @Nullable [] x) {
    int rows = Graph.integer(node, "transA", 0) == 0 ? 0 : 1;
    return new long[] {x == null || x.length != 2 ? -1 : x[rows], gemmWidth(node, false)};
  }

  private long gemmWidth(NodeProto node, boolean data) {
    long[] weight = shapes.get(node.getInput(1));
    boolean transposed = Graph.integer(node, "transB", 0) != 0;
    return weight == null || weight.length != 2 ? -1 : weight[transposed == data ? 1 : 0];
  }

  private long @Nullable [] inferShape(NodeProto node) {
    String op = node.getOpType();
    if (op.equals("Where") && node.getInputCount() < 3) {
      return null;
    }
    if (SAME_SHAPE.contains(op)) {
      return shapes.get(node.getInput(0));
    }
    return switch (op) {
      case "Gemm", "FusedGemm" -> inferGemm(node, shapes.get(node.getInput(0)));
      case "MatMul" -> inferMatMul(shapes.get(node.getInput(0)), shapes.get(node.getInput(1)));
      case "Reshape" -> inferReshape(node);
      case "Transpose" -> inferTranspose(node, shapes.get(node.getInput(0)));
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
        long[] shape = inference.of(node);
        yield shape == null && op.equals("Flatten") ? new long[] {-1, -1} : shape;
      }
    };
  }

  private static long @Nullable [] inferMatMul(long @Nullable [] left, long @Nullable [] right) {
    if (left == null || right == null || right.length < 2 || left.length < 2) {
      return null;
    }
    int batchRank = Math.max(left.length, right.length) - 2;
    long[] batch =
        broadcast(Arrays.copyOf(left, left.length - 2), Arrays.copyOf(right, right.length - 2));
    long[] result = Arrays.copyOf(batch == null ? new long[0] : batch, batchRank + 2);
    result[batchRank] = left[left.length - 2];
    result[batchRank + 1] = right[right.length - 1];
    return result;
  }

  private static long @Nullable [] inferTranspose(NodeProto node, long @Nullable [] shape) {
    List<Long> perm =
        Graph.attribute(node, "perm").map(AttributeProto::getIntsList).orElse(List.of(1L, 0L));
    if (shape == null || perm.size() != shape.length) {
      return null;
    }
    return perm.stream()
        .mapToLong(axis -> axis >= 0 && axis < shape.length ? shape[axis.intValue()] : -1)
        .toArray();
  }

  private long @Nullable [] inferReshape(NodeProto node) {
    long[] target = measured.of(node.getInput(1));
    if (target == null) {
      return null;
    }
    long[] x = shapes.get(node.getInput(0));
    boolean zeroCopies = Graph.integer(node, "allowzero", 0) == 0;
    long[] result = target.clone();
    for (int i = 0; i < target.length; i++) {
      boolean copied = target[i] == 0 && zeroCopies;
      result[i] = copied ? (x == null || i >= x.length ? -1 : x[i]) : Records.dimension(target[i]);
    }
    int from = target.length > 0 && target[0] == 0 && zeroCopies ? 1 : 0; // copied from the input
    inferOpenDimension(result, target, x == null ? null : Records.volume(x, from, -1), from);
    return result;
  }

  /** Infers the dimension given as -1 if all others and the element count are known. */
  private static void inferOpenDimension(
      long[] result, long[] target, Records.@Nullable Volume values, int from) {
    int open = -1;
    for (int i = from; i < target.length; i++) {
      open = target[i] == -1 ? i : open;
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
      boolean unknown = here == -1 && Records.counted(other[i]); // equal to it, or 1
      result[shift + i] = here == 1 || unknown || (here < 0 && other[i] > 1) ? other[i] : here;
    }
    return result;
  }

  private @Nullable DataType inferType(NodeProto node) {
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
    int data = TYPED_BY_SECOND_INPUT.contains(op) ? 1 : 0;
    return OTHER_TYPE.contains(op) || node.getInputCount() <= data
        ? null
        : types.get(node.getInput(data));
  }
}
