package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongBinaryOperator;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
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
  private final Map<String, long[]> known = new HashMap<>();

  /**
   * @param shapes null for a tensor of unknown rank
   */
  Measured(Graph graph, Function<String, long @Nullable []> shapes) {
    this.graph = graph;
    this.shapes = shapes;
  }

  /**
   * What is known of a tensor's integers, flat and as {@link Records} has them; null where not even
   * how many there are.
   */
  long @Nullable [] of(String tensor) {
    long[] values = known.get(tensor);
    return values != null
        ? values
        : Constant.resolve(graph, tensor)
            .filter(constant -> !constant.transposed())
            .map(Constant::tensor)
            .filter(stored -> STORED.contains(stored.getDataType()))
            .map(Numbers::integers)
            .orElse(null);
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
    } catch (IndexOutOfBoundsException nonsense) {
      return; // too few inputs, say: whoever runs the node will say so
    }
    if (values == null || values.length > LONGEST) {
      return;
    }
    known.put(node.getOutput(0), values);
  }

  private boolean flat(String tensor) {
    long[] shape = shapes.apply(tensor);
    return shape != null && shape.length <= 1;
  }

  private long @Nullable [] computed(NodeProto node) {
    if (node.getOpType().equals("Shape")) {
      return measured(node);
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
    long[] sizes = Arrays.stream(shape).map(size -> size == -1 ? Records.OPEN : size).toArray();
    int start = clamped(Graph.integer(node, "start", 0), sizes.length);
    int end = clamped(Graph.integer(node, "end", sizes.length), sizes.length);
    return Arrays.copyOfRange(sizes, start, Math.max(start, end));
  }

  static int clamped(long axis, int rank) {
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
    long axis = node.getInputCount() < 4 ? 0 : only(of(node.getInput(3)));
    long step = node.getInputCount() < 5 ? 1 : only(of(node.getInput(4)));
    long[] shape = shapes.apply(node.getInput(0));
    boolean known = Stream.of(start, end, step).allMatch(Records::number) && step != 0;
    if (!known || axis != 0 || shape == null || shape.length == 0 || shape[0] < 1) {
      return null;
    }
    int rows = (int) shape[0];
    int width = values.length / rows;
    long to = within(end, rows, step);
    LongStream.Builder taken = LongStream.builder();
    for (long row = within(start, rows, step); step > 0 ? row < to : row > to; row += step) {
      Arrays.stream(values, (int) row * width, (int) (row + 1) * width).forEach(taken::add);
    }
    return taken.build().toArray();
  }

  private static long only(long @Nullable [] values) {
    return values != null && values.length == 1 ? values[0] : Records.OPEN;
  }

  /** A bound of a Slice that counts from the end where it is negative, and ends there. */
  static long within(long bound, long size, long step) {
    long place = bound < 0 ? bound + size : bound;
    return step > 0 ? Math.max(0, Math.min(size, place)) : Math.max(-1, Math.min(size - 1, place));
  }

  private long @Nullable [] transposed(NodeProto node, long[] values) {
    long[] shape = shapes.apply(node.getInput(0));
    List<Long> order =
        Graph.attribute(node, "perm").map(AttributeProto::getIntsList).orElse(List.of(1L, 0L));
    if (shape == null || shape.length != 2 || shape[0] * shape[1] != values.length) {
      return null;
    }
    if (!order.equals(List.of(1L, 0L))) {
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
    LongStream all = LongStream.empty();
    for (String input : node.getInputList()) {
      long[] part = of(input);
      long[] length = shapes.apply(input);
      if (length == null || length.length != 1 || length[0] < 0 || length[0] > LONGEST) {
        return null;
      }
      long[] open = new long[(int) length[0]];
      Arrays.fill(open, Records.OPEN);
      all = LongStream.concat(all, Arrays.stream(part == null ? open : part));
    }
    return all.toArray();
  }

  private long @Nullable [] chosen(NodeProto node, long[] condition) {
    long[] yes = of(node.getInput(1));
    long[] no = of(node.getInput(2));
    if (yes == null || no == null) {
      return null;
    }
    int length = IntStream.of(condition.length, yes.length, no.length).max().getAsInt();
    if (Stream.of(condition, yes, no).anyMatch(v -> v.length != 1 && v.length != length)) {
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
    if (left.length != right.length && !one) {
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
