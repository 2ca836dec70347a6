package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Operators on shapes: reshape, transpose and broadcast tensors, or return shapes as tensors. */
public final class Reshaping {
  private Reshaping() {}

  public static Map<String, Operator> operators() {
    return Map.ofEntries(
        Map.entry("Reshape", Operator.of(Reshaping::reshape)),
        Map.entry("Flatten", Operator.of(Reshaping::flatten)),
        Map.entry("Squeeze", Operator.of(Reshaping::squeeze)),
        Map.entry("Unsqueeze", Operator.of(Reshaping::unsqueeze)),
        Map.entry("Transpose", Operator.of(Reshaping::transpose)),
        Map.entry("Expand", Operator.of(Reshaping::expand)),
        Map.entry("DepthToSpace", Operator.of(Reshaping::depthToSpace)),
        Map.entry("SpaceToDepth", Operator.of(Reshaping::spaceToDepth)),
        Map.entry("Shape", Operator.of(Reshaping::shape)),
        Map.entry("Size", Operator.of(c -> c.create(new long[] {c.in(0).size()}, new Shape()))),
        Map.entry("Range", Operator.of(Reshaping::range)));
  }

  private static NDArray reshape(Call call) {
    NDArray x = call.in(0);
    long[] requested = Call.longs(call.in(1));
    if (call.integer("allowzero", 0) == 0) {
      for (int i = 0; i < requested.length; i++) {
        requested[i] = requested[i] == 0 ? x.getShape().get(i) : requested[i];
      }
    }
    return x.reshape(new Shape(requested));
  }

  private static NDArray flatten(Call call) {
    Shape shape = call.in(0).getShape();
    int rank = shape.dimension();
    long axis = call.integer("axis", 1);
    int at = axis == rank ? rank : Call.axis(axis, rank);
    return call.in(0).reshape(new Shape(shape.slice(0, at).size(), shape.slice(at).size()));
  }

  /** Axes are an attribute before opset 13 and an input since. */
  private static NDArray squeeze(Call call) {
    NDArray x = call.in(0);
    Shape shape = x.getShape();
    int rank = shape.dimension();
    long[] axes = call.longs("axes", 1);
    int[] dropped =
        axes == null || axes.length == 0
            ? IntStream.range(0, rank).filter(i -> shape.get(i) == 1).toArray()
            : Arrays.stream(axes).mapToInt(axis -> Call.axis(axis, rank)).toArray();
    List<Long> kept = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      int axis = i;
      if (IntStream.of(dropped).noneMatch(drop -> drop == axis)) {
        kept.add(shape.get(i));
      } else if (shape.get(i) != 1) {
        throw new IllegalArgumentException("cannot squeeze axis %d of %s".formatted(i, shape));
      }
    }
    return x.reshape(new Shape(kept));
  }

  private static NDArray unsqueeze(Call call) {
    NDArray x = call.in(0);
    long[] axes = call.longs("axes", 1);
    int[] added = new int[0];
    if (axes != null) {
      int rank = x.getShape().dimension() + axes.length;
      added = Arrays.stream(axes).mapToInt(axis -> Call.axis(axis, rank)).sorted().toArray();
    }
    List<Long> shape = new ArrayList<>(LongStream.of(x.getShape().getShape()).boxed().toList());
    for (int axis : added) {
      shape.add(axis, 1L);
    }
    return x.reshape(new Shape(shape));
  }

  private static NDArray transpose(Call call) {
    NDArray x = call.in(0);
    int rank = x.getShape().dimension();
    long[] permutation = call.integers("perm");
    return x.transpose(
        permutation == null
            ? IntStream.range(0, rank).map(i -> rank - 1 - i).toArray()
            : Arrays.stream(permutation).mapToInt(Math::toIntExact).toArray());
  }

  /**
   * Broadcasts in both directions: the tensor may have more axes, and longer ones, than the target.
   */
  private static NDArray expand(Call call) {
    NDArray x = call.in(0);
    long[] requested = Call.longs(call.in(1));
    long[] own = x.getShape().getShape();
    long[] result = new long[Math.max(own.length, requested.length)];
    for (int i = 1; i <= result.length; i++) {
      long size = i <= own.length ? own[own.length - i] : 1;
      long target = i <= requested.length ? requested[requested.length - i] : 1;
      result[result.length - i] = size == 1 ? target : size;
    }
    return x.broadcast(new Shape(result));
  }

  private static NDArray depthToSpace(Call call) {
    NDArray x = call.in(0);
    Shape s = x.getShape();
    long block = call.integer("blocksize", 1);
    long depth = s.get(1) / (block * block);
    boolean columnsFirst = call.text("mode", "DCR").equals("CRD");
    NDArray blocks =
        columnsFirst
            ? x.reshape(s.get(0), depth, block, block, s.get(2), s.get(3))
                .transpose(0, 1, 4, 2, 5, 3)
            : x.reshape(s.get(0), block, block, depth, s.get(2), s.get(3))
                .transpose(0, 3, 4, 1, 5, 2);
    return blocks.reshape(s.get(0), depth, s.get(2) * block, s.get(3) * block);
  }

  private static NDArray spaceToDepth(Call call) {
    NDArray x = call.in(0);
    Shape s = x.getShape();
    long block = call.integer("blocksize", 1);
    long height = s.get(2) / block;
    long width = s.get(3) / block;
    return x.reshape(s.get(0), s.get(1), height, block, width, block)
        .transpose(0, 3, 5, 1, 2, 4)
        .reshape(s.get(0), s.get(1) * block * block, height, width);
  }

  private static NDArray shape(Call call) {
    long[] shape = call.in(0).getShape().getShape();
    int from = bound(call.integer("start", 0), shape.length);
    int to = bound(call.integer("end", shape.length), shape.length);
    long[] part = Arrays.copyOfRange(shape, from, Math.max(from, to));
    return call.create(part, new Shape(part.length));
  }

  private static int bound(long at, int rank) {
    return (int) Math.max(0, Math.min(rank, at < 0 ? at + rank : at));
  }

  private static NDArray range(Call call) {
    if (call.in(0).getDataType().isFloating()) {
      float[] f = new float[3];
      for (int i = 0; i < 3; i++) {
        f[i] = call.in(i).getFloat();
      }
      return call.scope().arange(f[0], f[1], f[2]);
    }
    long from = Call.longs(call.in(0))[0];
    long step = Call.longs(call.in(2))[0];
    long count = Math.max(0, -Math.floorDiv(from - Call.longs(call.in(1))[0], step));
    long[] values = LongStream.range(0, count).map(i -> from + i * step).toArray();
    return call.create(values, new Shape(count));
  }
}
