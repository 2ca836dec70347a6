package dev.headwater.tail.space;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.onnx.graph.Graph;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Operator;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The Resize operator, and Upsample, its name before opset 10. */
public final class Resizing {
  private static final int NEAREST = 0;
  private static final int BILINEAR = 2;

  private Resizing() {}

  public static Map<String, Operator> operators() {
    return Map.of(
        "Resize", Operator.of(Resizing::resize).unless(Resizing::obstacle),
        "Upsample", Operator.of(Resizing::resize));
  }

  private static @Nullable String obstacle(NodeProto node) {
    if (Graph.integer(node, "antialias", 0) != 0) {
      return "resizes with antialiasing";
    }
    String transformation = Call.text(node, "coordinate_transformation_mode", "half_pixel");
    return Interpolation.TRANSFORMATIONS.contains(transformation)
        ? null
        : "uses the unsupported coordinate transformation " + transformation;
  }

  /**
   * Resizes a map. In opset 10 the second input holds scales; since opset 11 the third holds scales
   * and the fourth sizes. Scales are float32 as in ONNX Runtime: with inexact scales, higher
   * precision would round to different positions.
   */
  private static NDArray resize(Call call) {
    NDArray x = call.in(0);
    long[] shape = x.getShape().getShape();
    boolean legacy = call.opset() < 11;
    long[] axes = call.integers("axes");
    long[] sizes = legacy ? null : call.longs(3);
    float[] explicitScales =
        legacy && call.has("scales") ? attributeScales(call) : call.floats(legacy ? 1 : 2);
    float[] scales = new float[shape.length];
    long[] out = shape.clone();
    Arrays.fill(scales, 1);
    int count = explicitScales != null ? explicitScales.length : sizes == null ? 0 : sizes.length;
    for (int i = 0; i < count; i++) {
      int axis = Call.axis(axes == null ? i : axes[i], shape.length);
      if (explicitScales != null) {
        scales[axis] = explicitScales[i];
        out[axis] = (long) (shape[axis] * explicitScales[i]);
      } else if (sizes != null) {
        out[axis] = sizes[i];
        scales[axis] = (float) sizes[i] / shape[axis];
      }
    }
    keepAspect(call, shape, out, scales, axes);
    // ONNX Runtime does not change a map of equal size, whatever the scale
    return Arrays.equals(out, shape) ? x : resized(call, x, out, scales);
  }

  private static float[] attributeScales(Call call) {
    var values = Graph.attribute(call.node(), "scales").map(a -> a.getFloatsList()).orElseThrow();
    float[] scales = new float[values.size()];
    for (int i = 0; i < scales.length; i++) {
      scales[i] = values.get(i);
    }
    return scales;
  }

  private static void keepAspect(
      Call call, long[] shape, long[] out, float[] scales, long @Nullable [] axes) {
    String policy = call.text("keep_aspect_ratio_policy", "stretch");
    if (policy.equals("stretch")) {
      return;
    }
    int[] resized =
        axes == null
            ? java.util.stream.IntStream.range(0, shape.length).toArray()
            : Arrays.stream(axes).mapToInt(axis -> Call.axis(axis, shape.length)).toArray();
    var candidates = Arrays.stream(resized).mapToDouble(axis -> scales[axis]);
    float scale =
        (float)
            (policy.equals("not_larger") ? candidates.min().orElse(1) : candidates.max().orElse(1));
    for (int axis : resized) {
      scales[axis] = scale;
      out[axis] = Math.round(shape[axis] * scale);
    }
  }

  private static NDArray resized(Call call, NDArray x, long[] out, float[] scales) {
    long[] shape = x.getShape().getShape();
    Interpolation interpolation = Interpolation.of(call);
    boolean map = shape.length == 4 && out[0] == shape[0] && out[1] == shape[1];
    if (map && interpolation.asPyTorch(shape, out, scales)) {
      long[] size = {out[2], out[3]};
      int mode = interpolation.linear() ? BILINEAR : NEAREST;
      return JniUtils.interpolate((PtNDArray) x, size, mode, false);
    }
    for (int axis = 0; axis < shape.length; axis++) {
      if (out[axis] != shape[axis] || scales[axis] != 1) {
        x = applyMatrix(x, axis, interpolation.matrix(shape[axis], out[axis], scales[axis]));
      }
    }
    return x;
  }

  /** Replaces each value along an axis by a weighted sum of the values along it. */
  private static NDArray applyMatrix(NDArray x, int axis, float[][] matrix) {
    int last = x.getShape().dimension() - 1;
    float[] flat = new float[matrix.length * matrix[0].length];
    for (int row = 0; row < matrix.length; row++) {
      for (int column = 0; column < matrix[0].length; column++) {
        flat[column * matrix.length + row] = matrix[row][column];
      }
    }
    NDArray weights = x.getManager().create(flat, new Shape(matrix[0].length, matrix.length));
    return x.swapAxes(axis, last).matMul(weights).swapAxes(axis, last);
  }
}
