package dev.headwater.onnx.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.Arrays;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Infers shapes for operators that change the spatial size of a map; see {@link Inference}. */
final class Maps {
  private final Graph graph;
  private final Function<String, long @Nullable []> shapes;
  private final Measured measured;

  Maps(Graph graph, Function<String, long @Nullable []> shapes, Measured measured) {
    this.graph = graph;
    this.shapes = shapes;
    this.measured = measured;
  }

  /**
   * Infers the shape of the node's output; null also for operators not covered here.
   *
   * @param x the shape of its first input
   */
  long @Nullable [] of(NodeProto node, long[] x) {
    return switch (node.getOpType()) {
      case "Conv", "FusedConv", "MaxPool", "AveragePool" -> inferWindows(node, x);
      case "ConvTranspose" -> inferConvTranspose(node, x);
      case "GlobalAveragePool", "GlobalMaxPool" ->
          IntStream.range(0, x.length).mapToLong(i -> i < 2 ? x[i] : 1).toArray();
      case "Resize" -> inferResize(node, x);
      case "Pad" -> inferPad(node, x);
      case "DepthToSpace", "SpaceToDepth" -> inferBlocks(node, x);
      default -> null;
    };
  }

  private long @Nullable [] inferWindows(NodeProto node, long[] x) {
    boolean conv = node.getOpType().endsWith("Conv");
    long[] weight = conv ? shapes.apply(node.getInput(1)) : null;
    long[] kernel = kernel(node, weight);
    if (kernel == null || kernel.length != x.length - 2 || (conv && weight == null)) {
      return null;
    }
    long[] result = x.clone();
    result[1] = weight == null ? x[1] : weight[0];
    for (int i = 0; i < kernel.length; i++) {
      result[i + 2] = x[i + 2] < 0 ? -1 : outputSize(node, x[i + 2], kernel, i);
    }
    return result;
  }

  private static long @Nullable [] kernel(NodeProto node, long @Nullable [] weight) {
    long[] given = Inference.integers(node, "kernel_shape", 0, 0);
    return given.length > 0
        ? given
        : weight == null ? null : Arrays.copyOfRange(weight, 2, weight.length);
  }

  private static long outputSize(NodeProto node, long size, long[] kernel, int axis) {
    long stride = Inference.integers(node, "strides", kernel.length, 1)[axis];
    long dilation = Inference.integers(node, "dilations", kernel.length, 1)[axis];
    if (autoPad(node).startsWith("SAME")) { // ONNX Runtime's dilated pools give another size
      boolean deviates = dilation != 1 && node.getOpType().endsWith("Pool");
      return deviates ? -1 : (size + stride - 1) / stride;
    }
    long[] pads = Inference.integers(node, "pads", 2 * kernel.length, 0);
    long extent = (kernel[axis] - 1) * dilation + 1;
    long span = size + pads[axis] + pads[kernel.length + axis] - extent;
    long count = span / stride + 1;
    boolean ceil = Graph.integer(node, "ceil_mode", 0) == 1 && span % stride != 0;
    return ceil && count * stride < size + pads[axis] ? count + 1 : count;
  }

  private long @Nullable [] inferConvTranspose(NodeProto node, long[] x) {
    long[] weight = shapes.apply(node.getInput(1));
    if (weight == null || weight.length != x.length) {
      return null;
    }
    int axes = x.length - 2;
    long[] pads = Inference.integers(node, "pads", 2 * axes, 0);
    long[] fixed = Inference.integers(node, "output_shape", 0, 0);
    long[] result = x.clone();
    result[1] = weight[1] * Graph.integer(node, "group", 1);
    for (int i = 0; i < axes; i++) {
      long stride = Inference.integers(node, "strides", axes, 1)[i];
      long extent = (weight[i + 2] - 1) * Inference.integers(node, "dilations", axes, 1)[i] + 1;
      long extra = Inference.integers(node, "output_padding", axes, 0)[i];
      long full = stride * (x[i + 2] - 1) + extra + extent - pads[i] - pads[axes + i];
      long size = autoPad(node).startsWith("SAME") ? Math.min(stride * x[i + 2], full) : full;
      result[i + 2] = fixed.length > 0 ? fixed[fixed.length - axes + i] : x[i + 2] < 0 ? -1 : size;
    }
    return result;
  }

  /** Scales are the second input in opset 10 and the third since opset 11; sizes are the fourth. */
  private long[] inferResize(NodeProto node, long[] x) {
    long[] result = Inference.open(x.length);
    int inputs = node.getInputCount();
    long[] sizes = inputs > 3 ? measured.of(node.getInput(3)) : null;
    float[] scales = sizes == null ? floats(node.getInput(inputs > 2 ? 2 : inputs - 1)) : null;
    if (Graph.attribute(node, "axes").isPresent()
        || Graph.attribute(node, "keep_aspect_ratio_policy").isPresent()) {
      return result;
    }
    for (int i = 0; i < x.length; i++) {
      if (sizes != null && i < sizes.length) {
        result[i] = Records.dimension(sizes[i]);
      } else if (scales != null && i < scales.length) {
        boolean same = scales[i] == 1;
        result[i] = same ? x[i] : x[i] < 0 ? -1 : (long) (x[i] * scales[i]);
      }
    }
    return result;
  }

  private float @Nullable [] floats(String tensor) {
    return Constant.resolve(graph, tensor)
        .filter(constant -> constant.obstacle() == null)
        .map(Constant::values)
        .orElse(null);
  }

  private long @Nullable [] inferPad(NodeProto node, long[] x) {
    long[] pads = measured.bounds(node, "pads", 1);
    if (node.getInputCount() > 3 && !node.getInput(3).isEmpty()) {
      return Inference.open(x.length);
    }
    long[] result = Inference.open(x.length);
    for (int i = 0; pads != null && pads.length == 2 * x.length && i < x.length; i++) {
      boolean known = Records.number(pads[i]) && Records.number(pads[x.length + i]);
      long more = known ? pads[i] + pads[x.length + i] : 0;
      result[i] = !known || (x[i] < 0 && more != 0) ? -1 : x[i] + more;
    }
    return result;
  }

  private static long @Nullable [] inferBlocks(NodeProto node, long[] x) {
    long block = Graph.integer(node, "blocksize", 1);
    if (x.length != 4 || block < 1) {
      return null;
    }
    boolean toSpace = node.getOpType().equals("DepthToSpace");
    long[] result = x.clone();
    for (int i = 1; i < 4; i++) {
      long factor = i == 1 ? block * block : block;
      result[i] = x[i] < 0 ? -1 : (i == 1) == toSpace ? x[i] / factor : x[i] * factor;
    }
    return result;
  }

  private static String autoPad(NodeProto node) {
    return Graph.attribute(node, "auto_pad").map(a -> a.getS().toStringUtf8()).orElse("NOTSET");
  }
}
