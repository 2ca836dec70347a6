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
 * The integers that a network computes from sizes and constants, as exporters have it do before a
 * Reshape: what is known of them without running it. Nodes are noted in their order.
 */
final class Measured {
  private static final Set<Long> INTEGERS =
      Set.of((long) TensorProto.DataType.INT32_VALUE, (long) TensorProto.DataType.INT64_VALUE);

  private static final Set<Integer> STORED =
      Set.of(
          TensorProto.DataType.INT32_VALUE,
          TensorProto.DataType.INT64_VALUE,
          TensorProto.DataType.BOOL_VALUE);

  /** No shape is longer. */
  private static final int LONGEST = 64;

  private final Graph graph;
  private final Function<String, long @Nullable []> shapes;
  private final Function<String, @Nullable DataType> types;
  private final Map<String, long[]> known = new HashMap<>();

  /**
   * @param shapes null for a tensor of unknown rank
   * @param types null where that is not known
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
   * What is known of a tensor's integers, flat and as {@link Records} has them; null where not even
   * how many there are.
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
            .map(Measured::plain)
            .orElse(null);
  }

  /** No number of a file's is taken for one of {@link Records}'. */
  private static long[] plain(long[] values) {
    return Arrays.stream(values).map(v -> Records.number(v) ? v : Records.OPEN).toArray();
  }

  /** Which way a condition goes; empty where that is not known. */
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
      values = computed(node);
    } catch (IndexOutOfBoundsException | ArithmeticException nonsense) {
      return; // too few inputs, say: whoever runs the node will say so
    }
    if (values == null || values.length > LONGEST) {
      return;
    }
    boolean narrow = types.apply(node.getOutput(0)) == DataType.INT32;
    known.put(
        node.getOutput(0),
        Arrays.stream(values)
            .map(v -> narrow && Records.number(v) && v != (int) v ? Records.OPEN : v)
            .toArray());
  }

  private boolean flat(String tensor) {
    long[] shape = shapes.apply(tensor);
    return shape != null && shape.length <= 1;
  }

  private long @Nullable [] computed(NodeProto node) {
    if (node.getOpType().equals("Shape")) {
      return measured(node);
    }
    if (node.getOpType().equals("Size")) {
      long[] sizes = measured(node);
      return sizes == null ? null : new long[] {Arrays.stream(sizes).reduce(1, Records::product)};
    }
    long[] first = of(node.getInput(0));
    if (first == null) {
      return null;
    }
    return switch (node.getOpType()) {
      case "Identity", "Squeeze", "Unsqueeze", "Reshape" -> first;
      case "Cast" -> cast(Graph.integer(node, "to", 0), first);
      case "Gather" -> gathered(node, first);
      case "Slice" -> sliced(node, first);
      case "Transpose" -> transposed(node, first);
      case "Concat" -> concatenated(node);
      case "Add" -> sized(node, first, Records::sum);
      case "Sub" -> paired(node, first, Math::subtractExact);
      case "Mod" -> paired(node, first, (a, b) -> b == 0 ? Records.OPEN : Math.floorMod(a, b));
      case "Mul" -> sized(node, first, Records::product);
      case "Div" -> sized(node, first, Records::quotient);
      case "Equal" -> sized(node, first, Measured::same);
      case "Where" -> chosen(node, first);
      case "ConstantOfShape" -> filled(node, first);
      case "Less" -> paired(node, first, (a, b) -> truth(a < b));
      case "LessOrEqual" -> paired(node, first, (a, b) -> truth(a <= b));
      case "Greater" -> paired(node, first, (a, b) -> truth(a > b));
      case "GreaterOrEqual" -> paired(node, first, (a, b) -> truth(a >= b));
      case "And" -> paired(node, first, (a, b) -> a & b);
      case "Or" -> paired(node, first, (a, b) -> a | b);
      case "Not" ->
          Arrays.stream(first).map(a -> Records.number(a) ? 1 - a : Records.OPEN).toArray();
      default -> null;
    };
  }

  private static long truth(boolean holds) {
    return holds ? 1 : 0;
  }

  private static long @Nullable [] cast(long to, long[] values) {
    if (to == TensorProto.DataType.BOOL_VALUE) {
      return Arrays.stream(values)
          .map(a -> Records.number(a) ? truth(a != 0) : Records.OPEN)
          .toArray();
    }
    return INTEGERS.contains(to) ? values : null;
  }

  private long @Nullable [] measured(NodeProto node) {
    long[] shape = shapes.apply(node.getInput(0));
    if (shape == null) {
      return null;
    }
    return asked(
        node, Arrays.stream(shape).map(size -> size == -1 ? Records.OPEN : size).toArray());
  }

  /** Of all sizes those that a Shape asks for: since opset 15 it may be a part. */
  static long[] asked(NodeProto node, long[] sizes) {
    int start = clamped(Graph.integer(node, "start", 0), sizes.length);
    int end = clamped(Graph.integer(node, "end", sizes.length), sizes.length);
    return Arrays.copyOfRange(sizes, start, Math.max(start, end));
  }

  private static int clamped(long axis, int rank) {
    return (int) Math.max(0, Math.min(rank, axis < 0 ? axis + rank : axis));
  }

  private long @Nullable [] gathered(NodeProto node, long[] values) {
    long[] places = of(node.getInput(1));
    if (places == null || !flat(node.getInput(0)) || !flat(node.getInput(1))) {
      return null;
    }
    long[] gathered = new long[places.length];
    for (int i = 0; i < places.length; i++) {
      long place = places[i] < 0 ? places[i] + values.length : places[i];
      if (place < 0 || place >= values.length) {
        return null;
      }
      gathered[i] = values[(int) place];
    }
    return gathered;
  }

  /** Along the first axis. Bounds are attributes before opset 10, inputs since. */
  private long @Nullable [] sliced(NodeProto node, long[] values) {
    long start = only(bounds(node, "starts", 1));
    long end = only(bounds(node, "ends", 2));
    boolean elsewhere = node.getInputCount() > 3 || Graph.attribute(node, "axes").isPresent();
    long axis = elsewhere ? only(bounds(node, "axes", 3)) : 0;
    long step = node.getInputCount() < 5 ? 1 : only(of(node.getInput(4)));
    boolean known = Stream.of(start, end, step).allMatch(Records::number) && step != 0;
    if (!known || axis != 0 || !shaped(node.getInput(0), values) || values.length == 0) {
      return null;
    }
    int rows = (int) sizes(node.getInput(0))[0];
    int width = values.length / rows;
    int count = (int) Math.min(rows, steps(start, end, step, rows));
    long[] taken = new long[count * width];
    for (int i = 0; i < count; i++) {
      long row = first(start, rows, step) + i * step;
      System.arraycopy(values, (int) row * width, taken, i * width, width);
    }
    return taken;
  }

  private long[] sizes(String tensor) {
    long[] shape = shapes.apply(tensor);
    return shape == null ? new long[0] : shape;
  }

  /** Whether it has axes, and as many values as those say. */
  private boolean shaped(String tensor, long[] values) {
    long[] shape = sizes(tensor);
    return shape.length > 0
        && Arrays.stream(shape).allMatch(size -> size >= 0 && size <= values.length)
        && Arrays.stream(shape).reduce(1, Math::multiplyExact) == values.length;
  }

  private static long only(long @Nullable [] values) {
    return values != null && values.length == 1 ? values[0] : Records.OPEN;
  }

  /** How many places a Slice takes of so many. */
  static long steps(long start, long end, long step, long size) {
    long from = first(start, size, step);
    long place = end < 0 ? end + size : end;
    long to = Math.max(step > 0 ? 0 : -1, Math.min(size, place));
    long way = step > 0 ? to - from : from - to;
    return way <= 0 ? 0 : (way - 1) / Math.abs(step) + 1;
  }

  private static long first(long start, long size, long step) {
    long place = start < 0 ? start + size : start;
    return Math.max(0, Math.min(step > 0 ? size : size - 1, place));
  }

  private long @Nullable [] transposed(NodeProto node, long[] values) {
    long[] shape = sizes(node.getInput(0));
    List<Long> order =
        Graph.attribute(node, "perm").map(AttributeProto::getIntsList).orElse(List.of(1L, 0L));
    boolean swaps = shape.length == 2 && order.equals(List.of(1L, 0L));
    if (!swaps || !shaped(node.getInput(0), values)) {
      return null;
    }
    int columns = (int) shape[1];
    int rows = (int) shape[0];
    return IntStream.range(0, values.length)
        .mapToLong(i -> values[i % rows * columns + i / rows])
        .toArray();
  }

  /**
   * An attribute in older opsets, an input in later ones; null where it is neither, or not known.
   */
  long @Nullable [] bounds(NodeProto node, String attribute, int input) {
    Optional<long[]> given =
        Graph.attribute(node, attribute)
            .map(a -> a.getIntsList().stream().mapToLong(Long::longValue).toArray());
    return given.isPresent()
        ? given.get()
        : node.getInputCount() > input ? of(node.getInput(input)) : null;
  }

  private long @Nullable [] concatenated(NodeProto node) {
    long[] all = new long[LONGEST];
    int length = 0;
    for (String input : node.getInputList()) {
      long[] part = of(input);
      long[] shape = sizes(input);
      if (shape.length != 1 || shape[0] < 0 || length + shape[0] > LONGEST) {
        return null;
      }
      for (int i = 0; i < shape[0]; i++) {
        all[length++] = part == null || part.length != shape[0] ? Records.OPEN : part[i];
      }
    }
    return Arrays.copyOf(all, length);
  }

  private long @Nullable [] chosen(NodeProto node, long[] condition) {
    long[] yes = of(node.getInput(1));
    long[] no = of(node.getInput(2));
    if (yes == null || no == null) {
      return null;
    }
    int length = IntStream.of(condition.length, yes.length, no.length).max().getAsInt();
    if (Stream.of(condition, yes, no).anyMatch(v -> v.length != 1 && v.length != length)
        || (length > 1 && !node.getInputList().stream().allMatch(this::flat))) {
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

  private static long @Nullable [] filled(NodeProto node, long[] lengths) {
    Optional<TensorProto> value = Graph.attribute(node, "value").map(AttributeProto::getT);
    boolean listed = lengths.length == 1 && lengths[0] >= 0 && lengths[0] <= LONGEST;
    if (!listed || value.filter(v -> STORED.contains(v.getDataType())).isEmpty()) {
      return null;
    }
    long[] filled = new long[(int) lengths[0]];
    Arrays.fill(filled, Numbers.integers(value.get())[0]);
    return filled;
  }

  /** Of numbers alone. */
  private long @Nullable [] paired(NodeProto node, long[] left, LongBinaryOperator operator) {
    return sized(
        node,
        left,
        (a, b) ->
            Records.number(a) && Records.number(b) ? operator.applyAsLong(a, b) : Records.OPEN);
  }

  private long @Nullable [] sized(NodeProto node, long[] left, LongBinaryOperator operator) {
    long[] right = node.getInputCount() > 1 ? of(node.getInput(1)) : null;
    boolean one = left.length == 1 || (right != null && right.length == 1);
    if (right == null || left.length == 0 || right.length == 0) {
      return null;
    }
    if (!one
        && (left.length != right.length || !flat(node.getInput(0)) || !flat(node.getInput(1)))) {
      return null;
    }
    long[] result = new long[Math.max(left.length, right.length)];
    for (int i = 0; i < result.length; i++) {
      long a = left[left.length == 1 ? 0 : i];
      long b = right[right.length == 1 ? 0 : i];
      result[i] = applied(operator, a, b);
    }
    return result;
  }

  private static long same(long a, long b) {
    boolean known = Records.told(a) && Records.told(b);
    if (known && Records.counted(a) == Records.counted(b)) {
      return truth(a == b);
    }
    return known && (Records.counted(a) ? b : a) < 0
        ? 0
        : Records.OPEN; // there may be just so many records
  }

  private static long applied(LongBinaryOperator operator, long a, long b) {
    try {
      return operator.applyAsLong(a, b);
    } catch (ArithmeticException beyond) { // of a damaged file: whoever runs the node will say so
      return Records.OPEN;
    }
  }
}
