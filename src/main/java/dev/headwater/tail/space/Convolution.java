package dev.headwater.tail.space;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.tail.layer.Activations;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Operator;
import dev.headwater.tail.op.Selection;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Convolution and transposed convolution over one to three axes. */
public final class Convolution {
  /** Activations that ONNX Runtime supports in FusedConv. */
  private static final Set<String> ACTIVATIONS =
      Set.of("Relu", "Tanh", "Sigmoid", "LeakyRelu", "Clip", "HardSigmoid");

  private Convolution() {}

  public static Map<String, Operator> operators() {
    return Map.of(
        "Conv", Operator.of(Convolution::convolution),
        "FusedConv", Operator.of(Convolution::fused).unless(Convolution::obstacle),
        "ConvTranspose", Operator.of(Convolution::transposed));
  }

  private static NDArray convolution(Call call) {
    NDArray x = call.in(0);
    NDArray weight = call.in(1);
    Window window = Window.of(call, x.getShape(), weight.getShape().slice(2).getShape());
    int groups = Math.toIntExact(call.integer("group", 1));
    boolean symmetric = window.symmetric();
    long[] padding = symmetric ? window.before() : new long[window.before().length];
    NDArray map = symmetric ? x : window.padded(x, 0);
    return convolve(
        map, weight, call.optional(2), window.strides(), padding, window.dilations(), groups);
  }

  /** ONNX Runtime's fused convolution: adds an optional tensor and applies an activation. */
  private static NDArray fused(Call call) {
    NDArray result = convolution(call);
    NDArray added = call.optional(3);
    result = added == null ? result : result.add(added);
    return call.has("activation")
        ? Activations.of(call.text("activation", ""), parameters(call.node())).apply(result)
        : result;
  }

  private static List<Float> parameters(NodeProto node) {
    return Call.reals(node, "activation_params");
  }

  private static @Nullable String obstacle(NodeProto node) {
    return Graph.attribute(node, "activation").isEmpty()
        ? null
        : Activations.obstacle(node, ACTIVATIONS, parameters(node).size());
  }

  private static NDArray convolve(
      NDArray x,
      NDArray weight,
      @Nullable NDArray bias,
      long[] strides,
      long[] padding,
      long[] dilations,
      int groups) {
    return JniUtils.convolution(
        (PtNDArray) x,
        (PtNDArray) weight,
        bias == null ? null : (PtNDArray) bias,
        new Shape(strides),
        new Shape(padding),
        new Shape(dilations),
        groups);
  }

  /**
   * Transposed convolution as a convolution with the flipped kernel over the map, with stride − 1
   * zeros between its values (Dumoulin and Visin 2016).
   */
  private static NDArray transposed(Call call) {
    NDArray x = call.in(0);
    NDArray weight = call.in(1);
    long[] kernel = weight.getShape().slice(2).getShape();
    int axes = kernel.length;
    long[] strides = Window.each(call.integers("strides"), axes, 1);
    long[] dilations = Window.each(call.integers("dilations"), axes, 1);
    long[] outputPadding = Window.each(call.integers("output_padding"), axes, 0).clone();
    long[] pads = transposedPads(call, kernel, strides, dilations, outputPadding);
    long[] before = new long[axes];
    long[] after = new long[axes];
    for (int i = 0; i < axes; i++) {
      long reach = (kernel[i] - 1) * dilations[i];
      before[i] = reach - pads[i];
      after[i] = reach - pads[axes + i] + outputPadding[i];
    }
    int groups = Math.toIntExact(call.integer("group", 1));
    NDArray dilatedMap = Window.padded(insertZeros(x, strides), before, after, 0);
    NDArray flippedKernel = flipKernel(weight, groups);
    long[] ones = Window.each(null, axes, 1);
    return convolve(
        dilatedMap, flippedKernel, call.optional(2), ones, new long[axes], dilations, groups);
  }

  private static long[] transposedPads(
      Call call, long[] kernel, long[] strides, long[] dilations, long[] outputPadding) {
    int axes = kernel.length;
    long[] pads = Window.each(call.integers("pads"), 2 * axes, 0).clone();
    long[] shape = call.integers("output_shape");
    String auto = call.text("auto_pad", "NOTSET");
    if (shape == null && !auto.startsWith("SAME")) {
      return pads;
    }
    for (int i = 0; i < axes; i++) {
      long size = call.in(0).getShape().get(i + 2);
      long outputSize = shape == null ? size * strides[i] : shape[shape.length - axes + i];
      long reach = (kernel[i] - 1) * dilations[i] + 1;
      long excess = strides[i] * (size - 1) + outputPadding[i] + reach - outputSize;
      // missing positions are added at the end, and only for an explicit output_shape
      long total = Math.max(0, excess);
      outputPadding[i] += shape == null ? 0 : total - excess;
      pads[i] = auto.equals("SAME_UPPER") ? total / 2 : total - total / 2;
      pads[axes + i] = total - pads[i];
    }
    return pads;
  }

  private static NDArray insertZeros(NDArray x, long[] strides) {
    if (Arrays.stream(strides).allMatch(stride -> stride == 1)) {
      return x;
    }
    int axes = strides.length;
    long[] shape = x.getShape().getShape();
    long[] expanded = new long[2 + 2 * axes];
    long[] joined = shape.clone();
    long[] high = shape.clone();
    long[] zeros = new long[2 * axes];
    expanded[0] = shape[0];
    expanded[1] = shape[1];
    for (int i = 0; i < axes; i++) {
      expanded[2 + 2 * i] = shape[2 + i];
      expanded[3 + 2 * i] = 1;
      zeros[2 * i + 1] = strides[i] - 1;
      joined[2 + i] = shape[2 + i] * strides[i];
      high[2 + i] = joined[2 + i] - strides[i] + 1;
    }
    NDArray dilatedMap =
        Window.padded(x.reshape(new Shape(expanded)), new long[2 * axes], zeros, 0)
            .reshape(new Shape(joined));
    return Selection.part(dilatedMap, new long[2 + axes], high, Window.each(null, 2 + axes, 1));
  }

  /** Converts [C, M / groups, ...] to [M, C / groups, ...] and flips every kernel. */
  private static NDArray flipKernel(NDArray weight, int groups) {
    Shape shape = weight.getShape();
    Shape kernel = shape.slice(2);
    int rank = shape.dimension();
    NDArray flipped = weight.flip(IntStream.range(2, rank).toArray());
    int[] swapped = IntStream.range(0, rank + 1).toArray();
    swapped[1] = 2;
    swapped[2] = 1;
    long inputChannels = shape.get(0) / groups;
    return flipped
        .reshape(new Shape(groups, inputChannels, shape.get(1)).addAll(kernel))
        .transpose(swapped)
        .reshape(new Shape(groups * shape.get(1), inputChannels).addAll(kernel));
  }
}
