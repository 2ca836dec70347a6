package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.LongBinaryOperator;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The integers that a network computes from sizes and constants, as exporters have it do before a
 * Reshape: what is known of them without running it. Nodes are noted in their order.
 */
final class Measured {
  /** A size that the file leaves open. */
  static final long OPEN = Long.MIN_VALUE;

  /** The open first size of something: how many records there are. */
  static final long RECORDS = Long.MIN_VALUE + 1;

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
  private final Map<String, String> counted = new HashMap<>();

  /**
   * @param shapes null for a tensor of unknown rank
   */
  Measured(Graph graph, Function<String, long @Nullable []> shapes) {
    this.graph = graph;
    this.shapes = shapes;
  }

  /** What is known of a tensor's integers, flat; null where not even how many there are. */
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
        .filter(values -> values.length == 1 && values[0] > RECORDS)
        .map(values -> values[0] != 0);
  }

  /** Of which tensor the first of these integers is the first size, where that is open. */
  @Nullable String counted(String tensor) {
    return counted.get(tensor);
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
    if (values.length > 0 && values[0] == RECORDS) {
      String first = node.getInput(0);
      counted.put(
          node.getOutput(0),
          node.getOpType().equals("Shape") ? first : counted.getOrDefault(first, ""));
    }
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
      case "Concat" -> concatenated(node);
      case "Add" -> paired(node, first, Math::addExact);
      case "Sub" -> paired(node, first, Math::subtractExact);
      case "Mul" -> paired(node, first, Math::multiplyExact);
      case "Div" -> paired(node, first, (a, b) -> b == 0 ? OPEN : a / b);
      case "Equal" -> paired(node, first, (a, b) -> truth(a == b));
      case "Less" -> paired(node, first, (a, b) -> truth(a < b));
      case "LessOrEqual" -> paired(node, first, (a, b) -> truth(a <= b));
      case "Greater" -> paired(node, first, (a, b) -> truth(a > b));
      case "GreaterOrEqual" -> paired(node, first, (a, b) -> truth(a >= b));
      case "And" -> paired(node, first, (a, b) -> a & b);
      case "Or" -> paired(node, first, (a, b) -> a | b);
      case "Not" -> Arrays.stream(first).map(a -> a > RECORDS ? 1 - a : OPEN).toArray();
      default -> null;
    };
  }

  private static long truth(boolean holds) {
    return holds ? 1 : 0;
  }

  private static long @Nullable [] cast(long to, long[] values) {
    if (to == TensorProto.DataType.BOOL_VALUE) {
      return Arrays.stream(values).map(a -> a > RECORDS ? truth(a != 0) : OPEN).toArray();
    }
    return INTEGERS.contains(to) ? values : null;
  }

  private long @Nullable [] measured(NodeProto node) {
    long[] shape = shapes.apply(node.getInput(0));
    if (shape == null) {
      return null;
    }
    long[] sizes = Arrays.stream(shape).map(size -> size < 0 ? OPEN : size).toArray();
    if (sizes.length > 0 && sizes[0] == OPEN) {
      sizes[0] = RECORDS;
    }
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

  /** Bounds are attributes before opset 10, inputs since. */
  private long @Nullable [] sliced(NodeProto node, long[] values) {
    long[] start = bounds(node, "starts", 1);
    long[] end = bounds(node, "ends", 2);
    long[] step = node.getInputCount() > 4 ? of(node.getInput(4)) : new long[] {1};
    boolean steady = step != null && step.length == 1 && step[0] == 1;
    if (start == null || end == null || !one(start) || !one(end)) {
      return null;
    }
    if (!steady || !flat(node.getInput(0))) {
      return null;
    }
    int from = clamped(start[0], values.length);
    return Arrays.copyOfRange(values, from, Math.max(from, clamped(end[0], values.length)));
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

  private static boolean one(long[] bound) {
    return bound.length == 1 && bound[0] != OPEN && bound[0] != RECORDS;
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
      Arrays.fill(open, OPEN);
      all = LongStream.concat(all, Arrays.stream(part == null ? open : part));
    }
    return all.toArray();
  }

  private long @Nullable [] paired(NodeProto node, long[] left, LongBinaryOperator operator) {
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
      boolean open = a == OPEN || b == OPEN || a == RECORDS || b == RECORDS;
      result[i] = open ? OPEN : applied(operator, a, b);
    }
    return result;
  }

  private static long applied(LongBinaryOperator operator, long a, long b) {
    try {
      return operator.applyAsLong(a, b);
    } catch (ArithmeticException beyond) { // of a damaged file: whoever runs the node will say so
      return OPEN;
    }
  }
}
