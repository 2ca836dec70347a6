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

/** Convolution over one to three axes, and its transpose. */
public final class Convolution {
  /** What ONNX Runtime takes in FusedConv. */
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
    boolean even = window.symmetric();
    long[] padding = even ? window.before() : new long[window.before().length];
    NDArray map = even ? x : window.padded(x, 0);
    return convolved(
        map, weight, call.optional(2), window.strides(), padding, window.dilations(), groups);
  }

  /** As ONNX Runtime's optimiser writes it: with what is added to it, and an activation. */
  private static NDArray fused(Call call) {
    NDArray made = convolution(call);
    NDArray added = call.optional(3);
    made = added == null ? made : made.add(added);
    return call.has("activation")
        ? Activations.of(call.text("activation", ""), parameters(call.node())).apply(made)
        : made;
  }

  private static List<Float> parameters(NodeProto node) {
    return Call.reals(node, "activation_params");
  }

  private static @Nullable String obstacle(NodeProto node) {
    return Graph.attribute(node, "activation").isEmpty()
        ? null
        : Activations.obstacle(node, ACTIVATIONS, parameters(node).size());
  }

  private static NDArray convolved(
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
   * A plain convolution with the kernel mirrored, over the map with strides − 1 zeros between its
   * values (Dumoulin and Visin 2016).
   */
  private static NDArray transposed(Call call) {
    NDArray x = call.in(0);
    NDArray weight = call.in(1);
    long[] kernel = weight.getShape().slice(2).getShape();
    int axes = kernel.length;
    long[] strides = Window.each(call.integers("strides"), axes, 1);
    long[] dilations = Window.each(call.integers("dilations"), axes, 1);
    long[] extra = Window.each(call.integers("output_padding"), axes, 0).clone();
    long[] pads = transposedPads(call, kernel, strides, dilations, extra);
    long[] before = new long[axes];
    long[] after = new long[axes];
    for (int i = 0; i < axes; i++) {
      long reach = (kernel[i] - 1) * dilations[i];
      before[i] = reach - pads[i];
      after[i] = reach - pads[axes + i] + extra[i];
    }
    int groups = Math.toIntExact(call.integer("group", 1));
    NDArray wide = Window.padded(spread(x, strides), before, after, 0);
    NDArray mirrored = mirrored(weight, groups);
    long[] ones = Window.each(null, axes, 1);
    return convolved(wide, mirrored, call.optional(2), ones, new long[axes], dilations, groups);
  }

  private static long[] transposedPads(
      Call call, long[] kernel, long[] strides, long[] dilations, long[] extra) {
    int axes = kernel.length;
    long[] pads = Window.each(call.integers("pads"), 2 * axes, 0).clone();
    long[] shape = call.integers("output_shape");
    String auto = call.text("auto_pad", "NOTSET");
    if (shape == null && !auto.startsWith("SAME")) {
      return pads;
    }
    for (int i = 0; i < axes; i++) {
      long size = call.in(0).getShape().get(i + 2);
      long wanted = shape == null ? size * strides[i] : shape[shape.length - axes + i];
      long reach = (kernel[i] - 1) * dilations[i] + 1;
      long over = strides[i] * (size - 1) + extra[i] + reach - wanted;
      long total = Math.max(0, over); // what is missing comes at the end, and only where asked for
      extra[i] += shape == null ? 0 : total - over;
      pads[i] = auto.equals("SAME_UPPER") ? total / 2 : total - total / 2;
      pads[axes + i] = total - pads[i];
    }
    return pads;
  }

  private static NDArray spread(NDArray x, long[] strides) {
    if (Arrays.stream(strides).allMatch(stride -> stride == 1)) {
      return x;
    }
    int axes = strides.length;
    long[] shape = x.getShape().getShape();
    long[] apart = new long[2 + 2 * axes];
    long[] joined = shape.clone();
    long[] high = shape.clone();
    long[] zeros = new long[2 * axes];
    apart[0] = shape[0];
    apart[1] = shape[1];
    for (int i = 0; i < axes; i++) {
      apart[2 + 2 * i] = shape[2 + i];
      apart[3 + 2 * i] = 1;
      zeros[2 * i + 1] = strides[i] - 1;
      joined[2 + i] = shape[2 + i] * strides[i];
      high[2 + i] = joined[2 + i] - strides[i] + 1;
    }
    NDArray wide =
        Window.padded(x.reshape(new Shape(apart)), new long[2 * axes], zeros, 0)
            .reshape(new Shape(joined));
    return Selection.part(wide, new long[2 + axes], high, Window.each(null, 2 + axes, 1));
  }

  /** [C, M / groups, ...] to [M, C / groups, ...], every kernel read backwards. */
  private static NDArray mirrored(NDArray weight, int groups) {
    Shape shape = weight.getShape();
    Shape kernel = shape.slice(2);
    int rank = shape.dimension();
    NDArray flipped = weight.flip(IntStream.range(2, rank).toArray());
    int[] swapped = IntStream.range(0, rank + 1).toArray();
    swapped[1] = 2;
    swapped[2] = 1;
    long in = shape.get(0) / groups;
    return flipped
        .reshape(new Shape(groups, in, shape.get(1)).addAll(kernel))
        .transpose(swapped)
        .reshape(new Shape(groups * shape.get(1), in).addAll(kernel));
  }
}
