package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The shape of what an operator makes, from the shapes and constants that go in: -1 where a
 * dimension is not known, null where not even the rank is.
 */
final class Inference {
  /** No real tensor has more axes; a damaged file may claim any number. */
  static final int HIGHEST_RANK = 64;

  private final Graph graph;
  private final Function<String, long @Nullable []> shapes;
  private final Measured measured;
  private final Maps maps;

  /**
   * @param shapes null for a tensor of unknown rank
   */
  Inference(Graph graph, Function<String, long @Nullable []> shapes, Measured measured) {
    this.graph = graph;
    this.shapes = shapes;
    this.measured = measured;
    this.maps = new Maps(graph, shapes, measured);
  }

  /** Of the node's first output; null also where the operator is not followed here. */
  long @Nullable [] of(NodeProto node) {
    try {
      return followed(node);
    } catch (IndexOutOfBoundsException | ArithmeticException | IllegalArgumentException nonsense) {
      return null; // axes or kernels no such value can have: whoever runs the node will say so
    }
  }

  private long @Nullable [] followed(NodeProto node) {
    long[] x = shapes.apply(node.getInput(0));
    String op = node.getOpType();
    if (op.equals("Concat")) {
      return concat(node);
    }
    if (x == null) {
      return null;
    }
    return switch (op) {
      case "LSTM", "GRU", "RNN" -> recurrent(x, shapes.apply(node.getInput(2)));
      case "Shape" -> new long[] {Measured.asked(node, x).length};
      case "Size" -> new long[0];
      case "ConstantOfShape" -> filled(x, measured.of(node.getInput(0)));
      case "Expand" -> expanded(x, shapes.apply(node.getInput(1)), measured.of(node.getInput(1)));
      case "GatherElements" -> shapes.apply(node.getInput(1));
      case "Flatten" -> flattened(node, x);
      case "Squeeze", "Unsqueeze" -> squeezed(node, x);
      case "Gather" -> gathered(node, x);
      case "Slice" -> sliced(node, x, axes(node, x.length, 3));
      case "Split" -> part(node, 0);
      case "Tile" -> tiled(x, measured.of(node.getInput(1)));
      default -> op.startsWith("Reduce") ? reduced(node, x) : maps.of(node, x);
    };
  }

  private long @Nullable [] concat(NodeProto node) {
    long[] result = null;
    for (String input : node.getInputList()) {
      long[] part = shapes.apply(input);
      if (part == null || (result != null && part.length != result.length)) {
        return null;
      }
      int axis = axis(Graph.integer(node, "axis", 0), part.length);
      if (result == null) {
        result = part.clone();
      } else {
        long sum = Records.dimension(Records.sum(told(result[axis]), told(part[axis])));
        for (int i = 0; i < part.length; i++) {
          boolean better = result[i] == -1 || (result[i] < 0 && part[i] >= 0);
          result[i] = better ? part[i] : result[i];
        }
        result[axis] = sum;
      }
    }
    return result;
  }

  static long told(long dimension) {
    return dimension == -1 ? Records.OPEN : dimension;
  }

  /** Of all steps, with an axis for the directions before that of the records. */
  private static long @Nullable [] recurrent(long[] x, long @Nullable [] recurrence) {
    if (recurrence == null || recurrence.length != 3 || x.length != 3) {
      return null;
    }
    return new long[] {x[0], recurrence[0], x[1], recurrence[2]};
  }

  /** Of another output than the first. */
  long @Nullable [] further(NodeProto node, int output) {
    return switch (node.getOpType()) {
      case "Split" -> part(node, output);
      case "LSTM", "GRU", "RNN" -> { // of the last step
        long[] all = of(node);
        yield all == null ? null : Arrays.copyOfRange(all, 1, 4);
      }
      default -> null;
    };
  }

  private static long @Nullable [] filled(long[] length, long @Nullable [] sizes) {
    return sizes != null
        ? Arrays.stream(sizes).map(Records::dimension).toArray()
        : length.length == 1 && length[0] >= 0 ? open(length[0]) : null;
  }

  private static long @Nullable [] expanded(
      long[] x, long @Nullable [] length, long @Nullable [] sizes) {
    if (sizes == null) {
      return length == null || length.length != 1 || length[0] < 0
          ? null
          : open(Math.max(x.length, length[0]));
    }
    long[] result = open(Math.max(x.length, sizes.length));
    for (int i = 1; i <= result.length; i++) {
      long own = i <= x.length ? x[x.length - i] : 1;
      long wanted = i <= sizes.length ? sizes[sizes.length - i] : 1;
      boolean same = wanted == 1 || wanted == -1 || (own > 1 && Records.counted(wanted));
      result[result.length - i] = same ? own : Records.dimension(wanted);
    }
    return result;
  }

  /** Of a Slice with bounds that are known; else its axes are open. */
  private long @Nullable [] sliced(NodeProto node, long[] x, int @Nullable [] given) {
    long[] starts = measured.bounds(node, "starts", 1);
    long[] ends = measured.bounds(node, "ends", 2);
    long[] steps = node.getInputCount() > 4 ? measured.of(node.getInput(4)) : null;
    int[] axes = given;
    if (axes == null && starts != null && node.getInputCount() <= 3) { // the first ones
      axes = IntStream.range(0, Math.min(starts.length, x.length)).toArray();
    }
    if (axes == null || starts == null || ends == null) {
      return unknown(node, x, axes);
    }
    boolean steady = node.getInputCount() <= 4 || (steps != null && steps.length == axes.length);
    long[] result = x.clone();
    for (int i = 0; i < axes.length; i++) {
      long size = x[axes[i]];
      long step = steps == null ? 1 : steps[i];
      boolean fixed =
          size >= 0 && steady && step != 0 && Records.number(starts[i]) && Records.number(ends[i]);
      boolean all = steady && step == 1 && starts[i] == 0 && ends[i] >= Integer.MAX_VALUE;
      result[axes[i]] = all ? size : fixed ? Measured.steps(starts[i], ends[i], step, size) : -1;
    }
    return result;
  }

  /** One output of a Split. */
  private long @Nullable [] part(NodeProto node, int output) {
    long[] x = shapes.apply(node.getInput(0));
    if (x == null || x.length == 0) {
      return null;
    }
    int axis = axis(Graph.integer(node, "axis", 0), x.length);
    long[] parts = measured.bounds(node, "split", 1);
    long[] result = x.clone();
    if (parts != null) {
      result[axis] = output < parts.length ? Records.dimension(parts[output]) : -1;
    } else if (x[axis] >= 0 && (node.getInputCount() < 2 || node.getInput(1).isEmpty())) {
      long count = Math.max(1, Graph.integer(node, "num_outputs", node.getOutputCount()));
      long each = (x[axis] + count - 1) / count;
      result[axis] = Math.max(0, Math.min(each, x[axis] - output * each)); // the last may be less
    } else {
      result[axis] = -1;
    }
    return result;
  }

  private static long[] tiled(long[] x, long @Nullable [] repeats) {
    long[] result = open(x.length);
    for (int i = 0; repeats != null && repeats.length == x.length && i < x.length; i++) {
      long size = repeats[i] == -1 ? Records.OPEN : told(x[i]);
      result[i] = Records.dimension(Records.product(size, repeats[i]));
    }
    return result;
  }

  static long[] open(long rank) {
    return LongStream.generate(() -> -1).limit(Math.min(rank, HIGHEST_RANK)).toArray();
  }

  private static long[] flattened(NodeProto node, long[] x) {
    long given = Graph.integer(node, "axis", 1);
    int axis = given == x.length ? x.length : axis(given, x.length);
    return new long[] {size(x, 0, axis), size(x, axis, x.length)};
  }

  private static long size(long[] shape, int from, int to) {
    long[] part = Arrays.copyOfRange(shape, from, to);
    boolean known = Arrays.stream(part).noneMatch(dim -> dim == -1);
    return known ? Records.dimension(Arrays.stream(part).reduce(1, Records::product)) : -1;
  }

  private long @Nullable [] squeezed(NodeProto node, long[] x) {
    boolean adds = node.getOpType().equals("Unsqueeze");
    long[] given = dropsAll(graph, node) ? new long[0] : listed(node, 1);
    if (given == null || given.length > HIGHEST_RANK) {
      return null;
    }
    if (!adds && given.length == 0) { // all of size 1, and that of the records if nothing says so
      boolean known = Arrays.stream(x).noneMatch(size -> size == -1);
      return known && Arrays.stream(x).anyMatch(Records::counted)
          ? Arrays.stream(x).filter(size -> size != 1).toArray()
          : null;
    }
    int rank = adds ? x.length + given.length : x.length;
    int[] axes = Arrays.stream(given).mapToInt(axis -> axis(axis, rank)).sorted().toArray();
    List<Long> shape = new ArrayList<>(LongStream.of(x).boxed().toList());
    if (adds) {
      Arrays.stream(axes).forEach(axis -> shape.add(axis, 1L));
    } else {
      IntStream.range(0, axes.length).forEach(i -> shape.remove(axes[axes.length - 1 - i]));
    }
    return shape.stream().mapToLong(Long::longValue).toArray();
  }

  /** Whether a Squeeze names no axes, and so drops every one of size 1. */
  static boolean dropsAll(Graph graph, NodeProto node) {
    String axes = node.getInputCount() > 1 ? node.getInput(1) : "";
    return Graph.attribute(node, "axes").filter(listed -> listed.getIntsCount() > 0).isEmpty()
        && (axes.isEmpty()
            || Constant.integers(graph, axes).filter(listed -> listed.length == 0).isPresent());
  }

  private long @Nullable [] gathered(NodeProto node, long[] x) {
    long[] index = shapes.apply(node.getInput(1));
    if (index == null) {
      return null;
    }
    int axis = axis(Graph.integer(node, "axis", 0), x.length);
    return LongStream.concat(
            LongStream.concat(Arrays.stream(x, 0, axis), Arrays.stream(index)),
            Arrays.stream(x, axis + 1, x.length))
        .toArray();
  }

  private static long @Nullable [] unknown(NodeProto node, long[] x, int @Nullable [] axes) {
    long[] result = x.clone();
    if (axes == null) { // of a Slice: the first ones, or not known
      return node.getInputCount() > 3 ? null : open(x.length);
    }
    Arrays.stream(axes).forEach(axis -> result[axis] = -1);
    return result;
  }

  private long @Nullable [] reduced(NodeProto node, long[] x) {
    boolean keeps = Graph.integer(node, "keepdims", 1) == 1;
    int[] axes = axes(node, x.length, 1);
    if (axes == null) {
      boolean all =
          (node.getInputCount() < 2 || node.getInput(1).isEmpty())
              && Graph.integer(node, "noop_with_empty_axes", 0) == 0;
      axes = all ? IntStream.range(0, x.length).toArray() : null;
    }
    if (axes == null || (axes.length == 0)) {
      return null;
    }
    List<Integer> gone = Arrays.stream(axes).boxed().toList();
    return IntStream.range(0, x.length)
        .filter(i -> keeps || !gone.contains(i))
        .mapToLong(i -> gone.contains(i) ? 1 : x[i])
        .toArray();
  }

  private int @Nullable [] axes(NodeProto node, int rank, int input) {
    long[] given = listed(node, input);
    return given == null ? null : Arrays.stream(given).mapToInt(a -> axis(a, rank)).toArray();
  }

  /** Axes, an attribute in older opsets and an input in later ones; null if not known. */
  private long @Nullable [] listed(NodeProto node, int input) {
    if (Graph.attribute(node, "axes").isPresent()) {
      return integers(node, "axes", 0, 0);
    }
    long[] known = node.getInputCount() > input ? measured.of(node.getInput(input)) : null;
    return known != null && Arrays.stream(known).allMatch(Records::number) ? known : null;
  }

  private static int axis(long axis, int rank) {
    return (int) Math.max(0, Math.min(rank - 1, axis < 0 ? axis + rank : axis));
  }

  static long[] integers(NodeProto node, String name, int count, long otherwise) {
    return Graph.attribute(node, name)
        .map(AttributeProto::getIntsList)
        .filter(list -> list.size() >= count && !list.isEmpty())
        .map(list -> list.stream().mapToLong(Long::longValue).toArray())
        .orElseGet(() -> LongStream.generate(() -> otherwise).limit(count).toArray());
  }
}
