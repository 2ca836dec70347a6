package dev.headwater.tail.space;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Operator;
import dev.headwater.tail.op.Selection;
import java.util.Arrays;
import java.util.Map;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/** Maximum and average pooling, windowed and global. */
public final class Pooling {
  /**
   * Padding value that is never the maximum. Finite, because its gradient is multiplied by zero.
   */
  private static final double LOWEST = -Float.MAX_VALUE;

  private Pooling() {}

  public static Map<String, Operator> operators() {
    return Map.of(
        "MaxPool", Operator.of(Pooling::max).unless(Pooling::obstacle),
        "AveragePool", Operator.of(Pooling::average).unless(Pooling::dilatedToSize),
        "GlobalAveragePool", Operator.of(call -> global(call, false)),
        "GlobalMaxPool", Operator.of(call -> global(call, true)));
  }

  private static @Nullable String obstacle(NodeProto node) {
    return node.getOutputCount() > 1 && !node.getOutput(1).isEmpty()
        ? "also returns the indexes of its maxima"
        : dilatedToSize(node);
  }

  /** ONNX Runtime ignores dilation when it computes this padding, so the output size is wrong. */
  private static @Nullable String dilatedToSize(NodeProto node) {
    boolean dilated = Call.integers(node, "dilations").stream().anyMatch(d -> d != 1);
    return dilated && Call.text(node, "auto_pad", "NOTSET").startsWith("SAME")
        ? "combines dilations with auto_pad SAME"
        : null;
  }

  private static NDArray max(Call call) {
    NDArray x = call.in(0);
    Window window = Window.of(call, x.getShape(), kernel(call));
    NDArray map = window.padded(x, LOWEST);
    if (window.dilated()) {
      return combineShifted(map, window, NDArray::maximum);
    }
    return JniUtils.maxPool(
        (PtNDArray) map,
        new Shape(window.kernel()),
        new Shape(window.strides()),
        new Shape(new long[window.kernel().length]),
        false);
  }

  private static long[] kernel(Call call) {
    long[] kernel = call.integers("kernel_shape");
    if (kernel == null) {
      throw new IllegalArgumentException("a pooling node has no kernel_shape");
    }
    return kernel;
  }

  /** Divides window sums by the number of values that count in each window. */
  private static NDArray average(Call call) {
    NDArray x = call.in(0);
    Window window = Window.of(call, x.getShape(), kernel(call));
    NDArray means = means(window.padded(x, 0), window);
    if (!window.padded()) {
      return means;
    }
    boolean countsPadding = call.integer("count_include_pad", 0) == 1;
    // before opset 19, positions beyond the padding counted as well
    boolean all = countsPadding && call.opset() < 19;
    NDArray one = x.getManager().ones(new Shape(1, 1).addAll(x.getShape().slice(2)));
    NDArray inside = countsPadding ? Window.padded(one, window.before(), window.after(), 1) : one;
    NDArray counts =
        countsPadding
            ? Window.padded(inside, new long[window.over().length], window.over(), all ? 1 : 0)
            : window.padded(one, 0);
    return means.div(means(counts, window));
  }

  private static NDArray means(NDArray map, Window window) {
    Shape kernel = new Shape(window.kernel());
    if (window.dilated()) {
      return combineShifted(map, window, NDArray::add).div((float) kernel.size());
    }
    return JniUtils.avgPool(
        (PtNDArray) map,
        kernel,
        new Shape(window.strides()),
        new Shape(new long[window.kernel().length]),
        false,
        true);
  }

  /** Combines shifted slices of the map, one per kernel position. */
  private static NDArray combineShifted(
      NDArray map, Window window, BinaryOperator<NDArray> combine) {
    long[] kernel = window.kernel();
    long[] low = new long[2 + kernel.length];
    long[] high = map.getShape().getShape().clone();
    long[] steps = Window.each(null, low.length, 1);
    long[] count = new long[kernel.length];
    for (int i = 0; i < kernel.length; i++) {
      steps[2 + i] = window.strides()[i];
      long reach = (kernel[i] - 1) * window.dilations()[i] + 1;
      count[i] = (high[2 + i] - reach) / steps[2 + i] + 1;
    }
    NDArray result = null;
    for (long position = 0; position < new Shape(kernel).size(); position++) {
      long rest = position;
      for (int i = kernel.length - 1; i >= 0; i--) {
        low[2 + i] = rest % kernel[i] * window.dilations()[i];
        high[2 + i] = low[2 + i] + (count[i] - 1) * steps[2 + i] + 1;
        rest /= kernel[i];
      }
      NDArray slice = Selection.part(map, low.clone(), high.clone(), steps.clone());
      result = result == null ? slice : combine.apply(result, slice);
    }
    return result == null ? map : result;
  }

  private static NDArray global(Call call, boolean max) {
    NDArray x = call.in(0);
    Shape shape = x.getShape();
    NDArray flat = x.reshape(shape.get(0), shape.get(1), -1);
    int[] last = {2};
    long[] kept = shape.getShape().clone();
    Arrays.fill(kept, 2, kept.length, 1);
    return (max ? flat.max(last, true) : flat.mean(last, true)).reshape(new Shape(kept));
  }
}
