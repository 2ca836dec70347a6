package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import java.util.Arrays;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** Sums, means and extremes over some axes. */
public final class Reduction {
  private Reduction() {}

  /** Reduces one axis and keeps it, at length 1. */
  @FunctionalInterface
  private interface OneAxis {
    NDArray over(NDArray x, int[] axis);
  }

  private static final OneAxis SUM = (x, axis) -> x.sum(axis, true);
  private static final OneAxis MEAN = (x, axis) -> x.mean(axis, true);
  private static final OneAxis MAX = (x, axis) -> x.max(axis, true);

  public static Map<String, Operator> operators() {
    return Map.ofEntries(
        Map.entry("ReduceMean", Operator.of(Reduction::mean)),
        Map.entry("ReduceSum", reduce(x -> x, SUM, x -> x)),
        Map.entry("ReduceMax", reduce(x -> x, MAX, x -> x)),
        Map.entry("ReduceMin", reduce(NDArray::neg, MAX, NDArray::neg)),
        Map.entry("ReduceL1", reduce(NDArray::abs, SUM, x -> x)),
        Map.entry("ReduceL2", reduce(x -> x.mul(x), SUM, Reduction::length)),
        Map.entry("ReduceSumSquare", reduce(x -> x.mul(x), SUM, x -> x)),
        Map.entry("ReduceLogSum", reduce(x -> x, SUM, NDArray::log)),
        Map.entry("ReduceProd", reduce(x -> x, Reduction::product, x -> x)),
        Map.entry("ReduceLogSumExp", reduce(x -> x, Reduction::logSumExp, x -> x)),
        Map.entry("CumSum", Operator.of(Reduction::cumulated)));
  }

  /** Of the sum of squares; the slope of a root is infinite at 0, where a dead layer is. */
  public static NDArray length(NDArray squares) {
    return squares.maximum(Float.MIN_NORMAL).sqrt();
  }

  /** What is excluded never joins the sum: taken off again, it would leave its rounding. */
  private static NDArray cumulated(Call call) {
    NDArray given = call.in(0);
    int axis = Call.axis(Call.longs(call.in(1))[0], given.getShape().dimension());
    boolean backwards = call.integer("reverse", 0) != 0;
    NDArray x = backwards ? given.flip(axis) : given;
    if (call.integer("exclusive", 0) != 0) {
      NDArray nothing = Selection.part(x, axis, 0, 1, 1).zerosLike();
      NDArray before = Selection.part(x, axis, 0, x.getShape().get(axis) - 1, 1);
      x = NDArrays.concat(new NDList(nothing, before), axis);
    }
    NDArray sums = JniUtils.cumSum((PtNDArray) x, axis);
    return backwards ? sums.flip(axis) : sums;
  }

  private static NDArray product(NDArray x, int[] axis) {
    return x.prod(axis, true);
  }

  /** Exact over several axes too, one after the other. */
  private static NDArray logSumExp(NDArray x, int[] axis) {
    NDArray most = x.max(axis, true).stopGradient();
    return x.sub(most).exp().sum(axis, true).log().add(most);
  }

  /** Of integers, towards zero. */
  private static NDArray mean(Call call) {
    NDArray x = call.in(0);
    if (x.getDataType().isFloating()) {
      return reduced(call, MEAN);
    }
    NDArray sums = reduced(call, SUM);
    return sums.div(x.size() / sums.size()).toType(DataType.INT64, false);
  }

  private static Operator reduce(
      UnaryOperator<NDArray> before, OneAxis reduction, UnaryOperator<NDArray> after) {
    return Operator.of(call -> reduced(call, before, reduction, after));
  }

  private static NDArray reduced(Call call, OneAxis reduction) {
    return reduced(call, x -> x, reduction, x -> x);
  }

  /** One axis at a time: some of PyTorch's reductions take no more through DJL. */
  private static NDArray reduced(
      Call call, UnaryOperator<NDArray> before, OneAxis reduction, UnaryOperator<NDArray> after) {
    NDArray x = call.in(0);
    int rank = x.getShape().dimension();
    int[] axes = axes(call, rank);
    NDArray result = before.apply(x);
    for (int axis : axes) {
      result = reduction.over(result, new int[] {axis});
    }
    result = after.apply(result);
    return call.integer("keepdims", 1) == 1 || rank == 0 || axes.length == 0
        ? result
        : result.squeeze(axes);
  }

  private static int[] axes(Call call, int rank) {
    long[] given = call.longs("axes", 1);
    if (given == null || given.length == 0) {
      boolean nothing = call.integer("noop_with_empty_axes", 0) == 1;
      return nothing ? new int[0] : IntStream.range(0, rank).toArray();
    }
    return Arrays.stream(given).mapToInt(axis -> Call.axis(axis, rank)).sorted().toArray();
  }
}
