package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.JniUtils;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Operators that select parts of tensors or combine tensors: gather, slice, split, concat. */
public final class Selection {
  private Selection() {}

  public static Map<String, Operator> operators() {
    return Map.of(
        "Gather", Operator.of(Selection::gather),
        "GatherElements", Operator.of(Selection::gatherElements),
        "Slice", Operator.of(Selection::slice),
        "Split", Selection::split,
        "Concat", Operator.of(Selection::concat),
        "Tile", Operator.of(call -> call.in(0).tile(Call.longs(call.in(1)))),
        "Trilu", Operator.of(Selection::triangle));
  }

  private static NDArray gather(Call call) {
    NDArray x = call.in(0);
    Shape shape = x.getShape();
    int axis = Call.axis(call.integer("axis", 0), shape.dimension());
    NDArray index = call.in(1);
    if (index.getShape().dimension() == 0) {
      long at = Call.longs(index)[0];
      at += at < 0 ? shape.get(axis) : 0;
      return part(x, axis, at, at + 1, 1).squeeze(axis);
    }
    long[] flat = Call.longs(index);
    for (int i = 0; i < flat.length; i++) {
      flat[i] += flat[i] < 0 ? shape.get(axis) : 0;
    }
    return chosen(x, axis, flat)
        .reshape(shape.slice(0, axis).addAll(index.getShape()).addAll(shape.slice(axis + 1)));
  }

  /** Selects positions along an axis, counted from 0. */
  public static NDArray chosen(NDArray x, int axis, long[] places) {
    NDArray index = x.getManager().create(places, new Shape(places.length));
    return x.get(new NDIndex().addAllDim(axis).addIndices("{}", beside(index, x)));
  }

  /** Returns {@code index} on the device of {@code values}, which may be the CPU. */
  static NDArray beside(NDArray index, NDArray values) {
    return index.toDevice(values.getDevice(), false);
  }

  private static NDArray gatherElements(Call call) {
    NDArray x = call.in(0);
    int axis = Call.axis(call.integer("axis", 0), x.getShape().dimension());
    NDArray index = call.in(1);
    NDArray negative = index.lt(0).toType(DataType.INT64, false);
    return x.gather(beside(index.add(negative.mul(x.getShape().get(axis))), x), axis);
  }

  /** Slices {@code [from, to)} of an axis, with a step of at least 1. */
  public static NDArray part(NDArray x, int axis, long from, long to, long step) {
    long[] low = new long[x.getShape().dimension()];
    long[] high = x.getShape().getShape().clone();
    long[] steps = new long[low.length];
    Arrays.fill(steps, 1);
    low[axis] = from;
    high[axis] = to;
    steps[axis] = step;
    return part(x, low, high, steps);
  }

  /** Slices the block between two corners, with steps of at least 1. */
  public static NDArray part(NDArray x, long[] low, long[] high, long[] steps) {
    return JniUtils.index((PtNDArray) x, low, high, steps, (PtNDManager) x.getManager());
  }

  /** Bounds are attributes before opset 10 and inputs since. */
  private static NDArray slice(Call call) {
    NDArray x = call.in(0);
    int rank = x.getShape().dimension();
    long[] starts = required(call.longs("starts", 1));
    long[] ends = required(call.longs("ends", 2));
    long[] axes = call.longs("axes", 3);
    long[] steps = call.longs(4);
    for (int i = 0; i < starts.length; i++) {
      int axis = Call.axis(axes == null ? i : axes[i], rank);
      x = sliceAxis(x, axis, starts[i], ends[i], steps == null ? 1 : steps[i]);
    }
    return x;
  }

  private static long[] required(long @Nullable [] bounds) {
    if (bounds == null) {
      throw new IllegalArgumentException("a Slice node has no bounds");
    }
    return bounds;
  }

  private static NDArray sliceAxis(NDArray x, int axis, long start, long end, long step) {
    long size = x.getShape().get(axis);
    if (step > 0) {
      long from = clamp(start, size, size);
      return part(x, axis, from, Math.max(from, clamp(end, size, size)), step);
    }
    // slicing backwards equals slicing the flipped axis forwards
    long from = size - 1 - clamp(start, size, size - 1);
    long to = end < -size ? size : size - 1 - clamp(end, size, size - 1);
    return part(x.flip(axis), axis, from, Math.max(from, to), -step);
  }

  private static long clamp(long at, long size, long most) {
    return Math.max(0, Math.min(most, at < 0 ? at + size : at));
  }

  /** Sizes are an attribute before opset 13 and an input since; the default is an equal split. */
  private static NDList split(Call call) {
    NDArray x = call.in(0);
    int axis = Call.axis(call.integer("axis", 0), x.getShape().dimension());
    long size = x.getShape().get(axis);
    int count = call.node().getOutputCount();
    long each = (size + count - 1) / count;
    long[] explicit = call.longs("split", 1);
    long[] sizes =
        explicit != null
            ? explicit
            : LongStream.range(0, count).map(i -> Math.min(each, size - i * each)).toArray();
    NDList parts = new NDList();
    long from = 0;
    for (long length : sizes) {
      parts.add(part(x, axis, from, from + length, 1));
      from += length;
    }
    return parts;
  }

  private static NDArray concat(Call call) {
    int inputs = call.inputs().size();
    NDArray onDevice =
        IntStream.range(0, inputs)
            .mapToObj(call::in)
            .filter(x -> x.getDevice().isGpu())
            .findFirst()
            .orElse(call.in(0));
    NDList parts = new NDList();
    IntStream.range(0, inputs).forEach(i -> parts.add(Call.near(call.in(i), onDevice)));
    int rank = call.in(0).getShape().dimension();
    return NDArrays.concat(parts, Call.axis(call.integer("axis", 0), rank));
  }

  private static NDArray triangle(Call call) {
    NDArray x = call.in(0);
    int rank = x.getShape().dimension();
    int columns = Math.toIntExact(x.getShape().get(rank - 1));
    int rows = Math.toIntExact(x.getShape().get(rank - 2));
    long[] offset = call.longs(1);
    long diagonal = offset == null || offset.length == 0 ? 0 : offset[0];
    boolean upper = call.integer("upper", 1) != 0;
    boolean[] kept = new boolean[rows * columns];
    IntStream.range(0, kept.length)
        .forEach(
            i -> {
              long right = i % columns - i / columns - diagonal;
              kept[i] = upper ? right >= 0 : right <= 0;
            });
    NDArray mask = x.getManager().create(kept, new Shape(rows, columns));
    return JniUtils.where((PtNDArray) beside(mask, x), (PtNDArray) x, (PtNDArray) x.zerosLike());
  }
}
