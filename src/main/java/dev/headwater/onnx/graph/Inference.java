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
 * Infers the shape of an operator's outputs from the shapes and constant values of its inputs. A
 * dimension is known, a multiple of the batch size (see {@link Records}), or -1 if unknown; a null
 * shape has unknown rank.
 */
final class Inference {
  /** Limit for damaged files, which may declare any rank; real tensors have fewer axes. */
  static final int HIGHEST_RANK = 64;

  private final Graph graph;
  private final Function<String, long @Nullable []> shapes;
  private final Measured measured;
  private final Maps maps;

  /**
   * @param shapes returns null for a tensor of unknown rank
   */
  Inference(Graph graph, Function<String, long @Nullable []> shapes, Measured measured) {
    this.graph = graph;
    this.shapes = shapes;
    this.measured = measured;
    this.maps = new Maps(graph, shapes, measured);
  }

  /** Infers the shape of the node's first output; null also for operators not covered here. */
  long @Nullable [] of(NodeProto node) {
    try {
      return inferFirst(node);
    } catch (IndexOutOfBoundsException | ArithmeticException | IllegalArgumentException invalid) {
      return null; // invalid axes or kernels: running the node reports them
    }
  }

  private long @Nullable [] inferFirst(NodeProto node) {
    long[] x = shapes.apply(node.getInput(0));
    String op = node.getOpType();
    if (op.equals("Concat")) {
      return inferConcat(node);
    }
    if (x == null) {
      return null;
    }
    return switch (op) {
      case "LSTM", "GRU", "RNN" -> inferRecurrent(x, shapes.apply(node.getInput(2)));
      case "Shape" -> new long[] {Measured.selectedSizes(node, x).length};
      case "Size" -> new long[0];
      case "ConstantOfShape" -> inferConstantOfShape(x, measured.of(node.getInput(0)));
      case "Expand" ->
          inferExpand(x, shapes.apply(node.getInput(1)), measured.of(node.getInput(1)));
      case "GatherElements" -> shapes.apply(node.getInput(1));
      case "Flatten" -> inferFlatten(node, x);
      case "Squeeze", "Unsqueeze" -> inferSqueeze(node, x);
      case "Gather" -> inferGather(node, x);
      case "Slice" -> inferSlice(node, x, axes(node, x.length, 3));
      case "Split" -> inferSplit(node, 0);
      case "Tile" -> inferTile(x, measured.of(node.getInput(1)));
      default -> op.startsWith("Reduce") ? inferReduce(node, x) : maps.of(node, x);
    };
  }

  private long @Nullable [] inferConcat(NodeProto node) {
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
        long sum =
            Records.dimension(Records.sum(openIfUnknown(result[axis]), openIfUnknown(part[axis])));
        for (int i = 0; i < part.length; i++) {
          boolean moreSpecific = result[i] == -1 || (result[i] < 0 && part[i] >= 0);
          result[i] = moreSpecific ? part[i] : result[i];
        }
        result[axis] = sum;
      }
    }
    return result;
  }

  static long openIfUnknown(long dimension) {
    return dimension == -1 ? Records.OPEN : dimension;
  }

  /** Infers the output for all steps: [steps, directions, batch, hidden]. */
  private static long @Nullable [] inferRecurrent(long[] x, long @Nullable [] recurrence) {
    if (recurrence == null || recurrence.length != 3 || x.length != 3) {
      return null;
    }
    return new long[] {x[0], recurrence[0], x[1], recurrence[2]};
  }

  /** Infers the shape of an output other than the first. */
  long @Nullable [] further(NodeProto node, int output) {
    return switch (node.getOpType()) {
      case "Split" -> inferSplit(node, output);
      case "LSTM", "GRU", "RNN" -> { // the state after the last step
        long[] all = of(node);
        yield all == null ? null : Arrays.copyOfRange(all, 1, 4);
      }
      default -> null;
    };
  }

  private static long @Nullable [] inferConstantOfShape(long[] length, long @Nullable [] sizes) {
    return sizes != null
        ? Arrays.stream(sizes).map(Records::dimension).toArray()
        : length.length == 1 && length[0] >= 0 ? open(length[0]) : null;
  }

  private static long @Nullable [] inferExpand(
      long[] x, long @Nullable [] length, long @Nullable [] sizes) {
    if (sizes == null) {
      return length == null || length.length != 1 || length[0] < 0
          ? null
          : open(Math.max(x.length, length[0]));
    }
    long[] result = open(Math.max(x.length, sizes.length));
    for (int i = 1; i <= result.length; i++) {
      long current = i <= x.length ? x[x.length - i] : 1;
      long target = i <= sizes.length ? sizes[sizes.length - i] : 1;
      boolean kept = target == 1 || target == -1 || (current > 1 && Records.counted(target));
      result[result.length - i] = kept ? current : Records.dimension(target);
    }
    return result;
  }

  /** Infers a Slice with known bounds; with unknown bounds the sliced axes are unknown. */
  private long @Nullable [] inferSlice(NodeProto node, long[] x, int @Nullable [] given) {
    long[] starts = measured.bounds(node, "starts", 1);
    long[] ends = measured.bounds(node, "ends", 2);
    long[] steps = node.getInputCount() > 4 ? measured.of(node.getInput(4)) : null;
    int[] axes = given;
    if (axes == null && starts != null && node.getInputCount() <= 3) { // the leading axes
      axes = IntStream.range(0, Math.min(starts.length, x.length)).toArray();
    }
    if (axes == null || starts == null || ends == null) {
      return inferUnknownSlice(node, x, axes);
    }
    boolean stepsKnown =
        node.getInputCount() <= 4 || (steps != null && steps.length == axes.length);
    long[] result = x.clone();
    for (int i = 0; i < axes.length; i++) {
      long size = x[axes[i]];
      long step = steps == null ? 1 : steps[i];
      boolean fixed =
          size >= 0
              && stepsKnown
              && step != 0
              && Records.number(starts[i])
              && Records.number(ends[i]);
      boolean all = stepsKnown && step == 1 && starts[i] == 0 && ends[i] >= Integer.MAX_VALUE;
      result[axes[i]] = all ? size : fixed ? Measured.steps(starts[i], ends[i], step, size) : -1;
    }
    return result;
  }

  /** Infers one output of a Split. */
  private long @Nullable [] inferSplit(NodeProto node, int output) {
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
      // the last part may be smaller
      result[axis] = Math.max(0, Math.min(each, x[axis] - output * each));
    } else {
      result[axis] = -1;
    }
    return result;
  }

  private static long[] inferTile(long[] x, long @Nullable [] repeats) {
    long[] result = open(x.length);
    for (int i = 0; repeats != null && repeats.length == x.length && i < x.length; i++) {
      long size = repeats[i] == -1 ? Records.OPEN : openIfUnknown(x[i]);
      result[i] = Records.dimension(Records.product(size, repeats[i]));
    }
    return result;
  }

  static long[] open(long rank) {
    return LongStream.generate(() -> -1).limit(Math.min(rank, HIGHEST_RANK)).toArray();
  }

  private static long[] inferFlatten(NodeProto node, long[] x) {
    long given = Graph.integer(node, "axis", 1);
    int axis = given == x.length ? x.length : axis(given, x.length);
    return new long[] {size(x, 0, axis), size(x, axis, x.length)};
  }

  private static long size(long[] shape, int from, int to) {
    long[] part = Arrays.copyOfRange(shape, from, to);
    boolean known = Arrays.stream(part).noneMatch(dim -> dim == -1);
    return known ? Records.dimension(Arrays.stream(part).reduce(1, Records::product)) : -1;
  }

  private long @Nullable [] inferSqueeze(NodeProto node, long[] x) {
    boolean adds = node.getOpType().equals("Unsqueeze");
    long[] given = dropsAll(graph, node) ? new long[0] : axesList(node, 1);
    if (given == null || given.length > HIGHEST_RANK) {
      return null;
    }
    if (!adds && given.length == 0) { // drops all unit axes; the batch axis may be one of them
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

  /** Returns whether a Squeeze names no axes and so drops every axis of size 1. */
  static boolean dropsAll(Graph graph, NodeProto node) {
    String axes = node.getInputCount() > 1 ? node.getInput(1) : "";
    return Graph.attribute(node, "axes").filter(listed -> listed.getIntsCount() > 0).isEmpty()
        && (axes.isEmpty()
            || Constant.integers(graph, axes).filter(listed -> listed.length == 0).isPresent());
  }

  private long @Nullable [] inferGather(NodeProto node, long[] x) {
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

  private static long @Nullable [] inferUnknownSlice(
      NodeProto node, long[] x, int @Nullable [] axes) {
    long[] result = x.clone();
    if (axes == null) { // a Slice of the leading axes, or of unknown ones
      return node.getInputCount() > 3 ? null : open(x.length);
    }
    Arrays.stream(axes).forEach(axis -> result[axis] = -1);
    return result;
  }

  private long @Nullable [] inferReduce(NodeProto node, long[] x) {
    boolean keepDims = Graph.integer(node, "keepdims", 1) == 1;
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
    List<Integer> reduced = Arrays.stream(axes).boxed().toList();
    return IntStream.range(0, x.length)
        .filter(i -> keepDims || !reduced.contains(i))
        .mapToLong(i -> reduced.contains(i) ? 1 : x[i])
        .toArray();
  }

  private int @Nullable [] axes(NodeProto node, int rank, int input) {
    long[] given = axesList(node, input);
    return given == null ? null : Arrays.stream(given).mapToInt(a -> axis(a, rank)).toArray();
  }

  /** Reads axes from the attribute (older opsets) or the input (newer ones); null if unknown. */
  private long @Nullable [] axesList(NodeProto node, int input) {
    if (Graph.attribute(node, "axes").isPresent()) {
      return integers(node, "axes", 0, 0);
    }
    long[] known = node.getInputCount() > input ? measured.of(node.getInput(input)) : null;
    return known != null && Arrays.stream(known).allMatch(Records::number) ? known : null;
  }

  private static int axis(long axis, int rank) {
    return (int) Math.max(0, Math.min(rank - 1, axis < 0 ? axis + rank : axis));
  }

  static long[] integers(NodeProto node, String name, int count, long defaultValue) {
    return Graph.attribute(node, name)
        .map(AttributeProto::getIntsList)
        .filter(list -> list.size() >= count && !list.isEmpty())
        .map(list -> list.stream().mapToLong(Long::longValue).toArray())
        .orElseGet(() -> LongStream.generate(() -> defaultValue).limit(count).toArray());
  }
}
