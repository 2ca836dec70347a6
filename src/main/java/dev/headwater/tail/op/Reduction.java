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

/** Reductions over axes: sums, means, extremes and norms, and cumulative sums. */
public final class Reduction {
  private Reduction() {}

  /** Reduces one axis to length 1. */
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
        Map.entry("CumSum", Operator.of(Reduction::cumulativeSum)));
  }

  /**
   * Returns the square root of a sum of squares. Clamps its input, because the gradient of the root
   * is infinite at 0, which the output of a dead layer reaches.
   */
  public static NDArray length(NDArray squares) {
    return squares.maximum(Float.MIN_NORMAL).sqrt();
  }

  /** Shifts the input of an exclusive sum; subtracting afterwards would leave rounding errors. */
  private static NDArray cumulativeSum(Call call) {
    NDArray input = call.in(0);
    int axis = Call.axis(Call.longs(call.in(1))[0], input.getShape().dimension());
    boolean reverse = call.integer("reverse", 0) != 0;
    NDArray x = reverse ? input.flip(axis) : input;
    if (call.integer("exclusive", 0) != 0) {
      NDArray zeros = Selection.part(x, axis, 0, 1, 1).zerosLike();
      NDArray before = Selection.part(x, axis, 0, x.getShape().get(axis) - 1, 1);
      x = NDArrays.concat(new NDList(zeros, before), axis);
    }
    NDArray sums = JniUtils.cumSum((PtNDArray) x, axis);
    return reverse ? sums.flip(axis) : sums;
  }

  private static NDArray product(NDArray x, int[] axis) {
    return x.prod(axis, true);
  }

  /** Also exact when several axes are reduced one after the other. */
  private static NDArray logSumExp(NDArray x, int[] axis) {
    NDArray max = x.max(axis, true).stopGradient();
    return x.sub(max).exp().sum(axis, true).log().add(max);
  }

  /** Integer means truncate towards zero. */
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

  /** Reduces one axis at a time: DJL passes only one axis to some of PyTorch's reductions. */
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
    long[] requested = call.longs("axes", 1);
    if (requested == null || requested.length == 0) {
      boolean noOp = call.integer("noop_with_empty_axes", 0) == 1;
      return noOp ? new int[0] : IntStream.range(0, rank).toArray();
    }
    return Arrays.stream(requested).mapToInt(axis -> Call.axis(axis, rank)).sorted().toArray();
  }
}
