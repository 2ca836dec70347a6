package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongBinaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Evaluates the integers that a graph computes from sizes and constants, for example before a
 * Reshape. ONNX shape inference calls this data propagation. Nodes must be visited in order.
 */
final class Measured {
  private static final Set<Long> INTEGERS =
      Set.of((long) TensorProto.DataType.INT32_VALUE, (long) TensorProto.DataType.INT64_VALUE);

  private static final Set<Integer> STORED =
      Set.of(
          TensorProto.DataType.INT32_VALUE,
          TensorProto.DataType.INT64_VALUE,
          TensorProto.DataType.BOOL_VALUE);

  /** Longer tensors are not tracked: no shape has as many dimensions. */
  private static final int MAX_LENGTH = 64;

  private final Graph graph;
  private final Function<String, long @Nullable []> shapes;
  private final Function<String, @Nullable DataType> types;
  private final Map<String, long[]> known = new HashMap<>();

  /**
   * @param shapes returns null for a tensor of unknown rank
   * @param types returns null for a tensor of unknown type
   */
  Measured(
      Graph graph,
      Function<String, long @Nullable []> shapes,
      Function<String, @Nullable DataType> types) {
    this.graph = graph;
    this.shapes = shapes;
    this.types = types;
  }

  /**
   * Returns what is known of a tensor's integers, flattened and encoded as {@link Records}; null if
   * even their number is unknown.
   */
  long @Nullable [] of(String tensor) {
    long[] values = known.get(tensor);
    DataType type = types.apply(tensor);
    return values != null || (type != null && !STORED.contains(type.getNumber()))
        ? values
        : Constant.resolve(graph, tensor)
            .filter(constant -> !constant.transposed())
            .map(Constant::tensor)
            .filter(stored -> STORED.contains(stored.getDataType()))
            .map(Numbers::integers)
            .map(Measured::encode)
            .orElse(null);
  }

  /** Makes a stored number unknown if it collides with the encoding of {@link Records}. */
  private static long[] encode(long[] values) {
    return Arrays.stream(values).map(v -> Records.number(v) ? v : Records.OPEN).toArray();
  }

  /** Returns the value of a condition; empty if unknown. */
  Optional<Boolean> truth(String tensor) {
    return Optional.ofNullable(of(tensor))
        .filter(values -> values.length == 1 && Records.number(values[0]))
        .map(values -> values[0] != 0);
  }

  void note(NodeProto node) {
    if (node.getInputCount() == 0 || node.getOutputCount() == 0) {
      return;
    }
    long[] values;
    try {
      values = evaluate(node);
    } catch (IndexOutOfBoundsException | ArithmeticException invalid) {
      return; // for example too few inputs: running the node reports them
    }
    if (values == null || values.length > MAX_LENGTH) {
      return;
    }
    boolean int32 = types.apply(node.getOutput(0)) == DataType.INT32;
    known.put(
        node.getOutput(0),
        Arrays.stream(values)
            .map(v -> int32 && Records.number(v) && v != (int) v ? Records.OPEN : v)
            .toArray());
  }

  private boolean isFlat(String tensor) {
    long[] shape = shapes.apply(tensor);
    return shape != null && shape.length <= 1;
  }

  private long @Nullable [] evaluate(NodeProto node) {
    if (node.getOpType().equals("Shape")) {
      return evaluateShape(node);
    }
    if (node.getOpType().equals("Size")) {
      long[] sizes = evaluateShape(node);
      return sizes == null ? null : new long[] {Arrays.stream(sizes).reduce(1, Records::product)};
    }
    long[] first = of(node.getInput(0));
    if (first == null) {
      return null;
    }
    return switch (node.getOpType()) {
      case "Identity", "Squeeze", "Unsqueeze", "Reshape" -> first;
      case "Cast" -> cast(Graph.integer(node, "to", 0), first);
      case "Gather" -> gather(node, first);
      case "Slice" -> slice(node, first);
      case "Transpose" -> transpose(node, first);
      case "Concat" -> concat(node);
      case "Add" -> combine(node, first, Records::sum);
      case "Sub" -> combineConstants(node, first, Math::subtractExact);
      case "Mod" ->
          combineConstants(node, first, (a, b) -> b == 0 ? Records.OPEN : Math.floorMod(a, b));
      case "Mul" -> combine(node, first, Records::product);
      case "Div" -> combine(node, first, Records::quotient);
      case "Equal" -> combine(node, first, Measured::equal);
      case "Where" -> where(node, first);
      case "ConstantOfShape" -> constantOfShape(node, first);
      case "Less" -> combineConstants(node, first, (a, b) -> toLong(a < b));
      case "LessOrEqual" -> combineConstants(node, first, (a, b) -> toLong(a <= b));
      case "Greater" -> combineConstants(node, first, (a, b) -> toLong(a > b));
      case "GreaterOrEqual" -> combineConstants(node, first, (a, b) -> toLong(a >= b));
      case "And" -> combineConstants(node, first, (a, b) -> a & b);
      case "Or" -> combineConstants(node, first, (a, b) -> a | b);
      case "Not" ->
          Arrays.stream(first).map(a -> Records.number(a) ? 1 - a : Records.OPEN).toArray();
      default -> null;
    };
  }

  private static long toLong(boolean holds) {
    return holds ? 1 : 0;
  }

  private static long @Nullable [] cast(long to, long[] values) {
    if (to == TensorProto.DataType.BOOL_VALUE) {
      return Arrays.stream(values)
          .map(a -> Records.number(a) ? toLong(a != 0) : Records.OPEN)
          .toArray();
    }
    return INTEGERS.contains(to) ? values : null;
  }

  private long @Nullable [] evaluateShape(NodeProto node) {
    long[] shape = shapes.apply(node.getInput(0));
    if (shape == null) {
      return null;
    }
    return selectedSizes(
        node, Arrays.stream(shape).map(size -> size == -1 ? Records.OPEN : size).toArray());
  }

  /** Returns the sizes that a Shape selects: a range since opset 15. */
  static long[] selectedSizes(NodeProto node, long[] sizes) {
    int start = clamped(Graph.integer(node, "start", 0), sizes.length);
    int end = clamped(Graph.integer(node, "end", sizes.length), sizes.length);
    return Arrays.copyOfRange(sizes, start, Math.max(start, end));
  }

  private static int clamped(long axis, int rank) {
    return (int) Math.max(0, Math.min(rank, axis < 0 ? axis + rank : axis));
  }

  private long @Nullable [] gather(NodeProto node, long[] values) {
    long[] indices = of(node.getInput(1));
    if (indices == null || !isFlat(node.getInput(0)) || !isFlat(node.getInput(1))) {
      return null;
    }
    long[] gathered = new long[indices.length];
    for (int i = 0; i < indices.length; i++) {
      long index = indices[i] < 0 ? indices[i] + values.length : indices[i];
      if (index < 0 || index >= values.length) {
        return null;
      }
      gathered[i] = values[(int) index];
    }
    return gathered;
  }

  /** Slices along the first axis. Bounds are attributes before opset 10 and inputs since. */
  private long @Nullable [] slice(NodeProto node, long[] values) {
    long start = single(bounds(node, "starts", 1));
    long end = single(bounds(node, "ends", 2));
    boolean hasAxes = node.getInputCount() > 3 || Graph.attribute(node, "axes").isPresent();
    long axis = hasAxes ? single(bounds(node, "axes", 3)) : 0;
    long step = node.getInputCount() < 5 ? 1 : single(of(node.getInput(4)));
    boolean known = Stream.of(start, end, step).allMatch(Records::number) && step != 0;
    if (!known || axis != 0 || !hasShape(node.getInput(0), values) || values.length == 0) {
      return null;
    }
    int rows = (int) sizes(node.getInput(0))[0];
    int width = values.length / rows;
    int count = (int) Math.min(rows, steps(start, end, step, rows));
    long[] result = new long[count * width];
    for (int i = 0; i < count; i++) {
      long row = first(start, rows, step) + i * step;
      System.arraycopy(values, (int) row * width, result, i * width, width);
    }
    return result;
  }

  private long[] sizes(String tensor) {
    long[] shape = shapes.apply(tensor);
    return shape == null ? new long[0] : shape;
  }

  /** Returns whether the tensor has a known shape, not scalar, that matches the value count. */
  private boolean hasShape(String tensor, long[] values) {
    long[] shape = sizes(tensor);
    return shape.length > 0
        && Arrays.stream(shape).allMatch(size -> size >= 0 && size <= values.length)
        && Arrays.stream(shape).reduce(1, Math::multiplyExact) == values.length;
  }

  private static long single(long @Nullable [] values) {
    return values != null && values.length == 1 ? values[0] : Records.OPEN;
  }

  /** Returns the number of elements that a Slice takes from an axis. */
  static long steps(long start, long end, long step, long size) {
    long from = first(start, size, step);
    long index = end < 0 ? end + size : end;
    long to = Math.max(step > 0 ? 0 : -1, Math.min(size, index));
    long span = step > 0 ? to - from : from - to;
    return span <= 0 ? 0 : (span - 1) / Math.abs(step) + 1;
  }

  private static long first(long start, long size, long step) {
    long index = start < 0 ? start + size : start;
    return Math.max(0, Math.min(step > 0 ? size : size - 1, index));
  }

  private long @Nullable [] transpose(NodeProto node, long[] values) {
    long[] shape = sizes(node.getInput(0));
    List<Long> order =
        Graph.attribute(node, "perm").map(AttributeProto::getIntsList).orElse(List.of(1L, 0L));
    boolean swaps = shape.length == 2 && order.equals(List.of(1L, 0L));
    if (!swaps || !hasShape(node.getInput(0), values)) {
      return null;
    }
    int columns = (int) shape[1];
    int rows = (int) shape[0];
    return IntStream.range(0, values.length)
        .mapToLong(i -> values[i % rows * columns + i / rows])
        .toArray();
  }

  /** Reads a list from the attribute (older opsets) or the input (newer ones); null if unknown. */
  long @Nullable [] bounds(NodeProto node, String attribute, int input) {
    Optional<long[]> given =
        Graph.attribute(node, attribute)
            .map(a -> a.getIntsList().stream().mapToLong(Long::longValue).toArray());
    return given.isPresent()
        ? given.get()
        : node.getInputCount() > input ? of(node.getInput(input)) : null;
  }

  private long @Nullable [] concat(NodeProto node) {
    long[] all = new long[MAX_LENGTH];
    int length = 0;
    for (String input : node.getInputList()) {
      long[] part = of(input);
      long[] shape = sizes(input);
      if (shape.length != 1 || shape[0] < 0 || length + shape[0] > MAX_LENGTH) {
        return null;
      }
      for (int i = 0; i < shape[0]; i++) {
        all[length++] = part == null || part.length != shape[0] ? Records.OPEN : part[i];
      }
    }
    return Arrays.copyOf(all, length);
  }

  private long @Nullable [] where(NodeProto node, long[] condition) {
    long[] yes = of(node.getInput(1));
    long[] no = of(node.getInput(2));
    if (yes == null || no == null) {
      return null;
    }
    int length = IntStream.of(condition.length, yes.length, no.length).max().getAsInt();
    if (Stream.of(condition, yes, no).anyMatch(v -> v.length != 1 && v.length != length)
        || (length > 1 && !node.getInputList().stream().allMatch(this::isFlat))) {
      return null;
    }
    return IntStream.range(0, length)
        .mapToLong(
            i -> {
              long holds = condition[condition.length == 1 ? 0 : i];
              long a = yes[yes.length == 1 ? 0 : i];
              long b = no[no.length == 1 ? 0 : i];
              return a == b || holds == 1 ? a : holds == 0 ? b : Records.OPEN;
            })
        .toArray();
  }

  private static long @Nullable [] constantOfShape(NodeProto node, long[] lengths) {
    Optional<TensorProto> value = Graph.attribute(node, "value").map(AttributeProto::getT);
    boolean small = lengths.length == 1 && lengths[0] >= 0 && lengths[0] <= MAX_LENGTH;
    if (!small || value.filter(v -> STORED.contains(v.getDataType())).isEmpty()) {
      return null;
    }
    long[] filled = new long[(int) lengths[0]];
    Arrays.fill(filled, Numbers.integers(value.get())[0]);
    return filled;
  }

  /** Applies an operator that is defined for known numbers only. */
  private long @Nullable [] combineConstants(
      NodeProto node, long[] left, LongBinaryOperator operator) {
    return combine(
        node,
        left,
        (a, b) ->
            Records.number(a) && Records.number(b) ? operator.applyAsLong(a, b) : Records.OPEN);
  }

  private long @Nullable [] combine(NodeProto node, long[] left, LongBinaryOperator operator) {
    long[] right = node.getInputCount() > 1 ? of(node.getInput(1)) : null;
    boolean scalar = left.length == 1 || (right != null && right.length == 1);
    if (right == null || left.length == 0 || right.length == 0) {
      return null;
    }
    if (!scalar
        && (left.length != right.length
            || !isFlat(node.getInput(0))
            || !isFlat(node.getInput(1)))) {
      return null;
    }
    long[] result = new long[Math.max(left.length, right.length)];
    for (int i = 0; i < result.length; i++) {
      long a = left[left.length == 1 ? 0 : i];
      long b = right[right.length == 1 ? 0 : i];
      result[i] = apply(operator, a, b);
    }
    return result;
  }

  private static long equal(long a, long b) {
    boolean known = Records.isKnown(a) && Records.isKnown(b);
    if (known && Records.counted(a) == Records.counted(b)) {
      return toLong(a == b);
    }
    return known && (Records.counted(a) ? b : a) < 0
        ? 0
        : Records.OPEN; // equal for one particular batch size
  }

  private static long apply(LongBinaryOperator operator, long a, long b) {
    try {
      return operator.applyAsLong(a, b);
    } catch (ArithmeticException overflow) { // in a damaged file: running the node reports it
      return Records.OPEN;
    }
  }
}
