package dev.headwater.tail.space;

import dev.headwater.tail.op.Call;
import java.util.Set;

/**
 * The interpolation of one axis: the weights of the original values for each resized value.
 *
 * @param mode nearest, linear or cubic
 * @param transformation ONNX name of the transformation from resized to original coordinates
 * @param rounding rounding mode of nearest
 * @param cubic the free coefficient of cubic interpolation (Keys 1981)
 * @param excludesOutside whether cubic weights of values beyond the edge are dropped
 */
record Interpolation(
    String mode, String transformation, String rounding, double cubic, boolean excludesOutside) {

  /** Supported coordinate transformations. */
  static final Set<String> TRANSFORMATIONS =
      Set.of(
          "asymmetric",
          "align_corners",
          "half_pixel",
          "half_pixel_symmetric",
          "pytorch_half_pixel",
          "tf_half_pixel_for_nn");

  /** Rounding up to opset 10: up if the axis shrinks, else down. */
  private static final String SIMPLE = "simple";

  /** Tolerance within which ONNX Runtime treats a coordinate as half-way. */
  private static final double TIE = 1e-6;

  static Interpolation of(Call call) {
    boolean legacy = call.opset() < 11;
    return new Interpolation(
        call.text("mode", "nearest"),
        call.text("coordinate_transformation_mode", legacy ? "asymmetric" : "half_pixel"),
        call.text("nearest_mode", legacy ? SIMPLE : "round_prefer_floor"),
        call.real("cubic_coeff_a", -0.75f),
        call.integer("exclude_outside", 0) == 1);
  }

  boolean linear() {
    return mode.equals("linear");
  }

  /**
   * Returns whether PyTorch's interpolation of maps [N, C, H, W] computes the same. DJL enables
   * antialiasing when it shrinks a map, which ONNX does not.
   */
  boolean asPyTorch(long[] shape, long[] out, float[] scales) {
    for (int axis = 2; axis < 4; axis++) {
      boolean exact = scales[axis] * shape[axis] == out[axis];
      if (!exact || out[axis] < shape[axis] || shape[axis] < 2) {
        return false;
      }
    }
    return linear()
        ? transformation.matches("half_pixel|pytorch_half_pixel")
        : mode.equals("nearest")
            && transformation.equals("asymmetric")
            && (rounding.equals("floor") || rounding.equals(SIMPLE))
            && isInteger(scales[2])
            && isInteger(scales[3]);
  }

  private static boolean isInteger(float scale) {
    return scale == Math.rint(scale);
  }

  /** Returns one row per resized value: its weights over the original values. */
  float[][] matrix(long in, long out, float scale) {
    int size = Math.toIntExact(in);
    float[][] rows = new float[Math.toIntExact(out)][size];
    for (int i = 0; i < rows.length; i++) {
      double coordinate = original(i, in, out, scale);
      if (mode.equals("nearest")) {
        rows[i][clamp(nearest(coordinate, scale < 1), size)] = 1;
      } else if (linear()) {
        double clamped = Math.max(0, Math.min(size - 1, coordinate));
        int low = (int) Math.floor(clamped);
        rows[i][low] += (float) (1 - (clamped - low));
        rows[i][clamp(low + 1L, size)] += (float) (clamped - low);
      } else {
        cubicRow(rows[i], coordinate);
      }
    }
    return rows;
  }

  /** Computes in float32, term by term: an exact coordinate could round to a different position. */
  private float original(long i, long in, long out, float scale) {
    return switch (transformation) {
      case "asymmetric" -> i / scale;
      case "align_corners" -> out == 1 ? 0 : (float) i * (in - 1) / (out - 1);
      case "tf_half_pixel_for_nn" -> (i + 0.5f) / scale;
      case "pytorch_half_pixel" -> out > 1 ? (i + 0.5f) / scale - 0.5f : 0;
      case "half_pixel_symmetric" -> {
        float adjustment = out / (scale * in);
        float offset = in / 2f * (1 - adjustment);
        yield (float)
            (offset + (i + 0.5) / scale - 0.5); // ONNX Runtime does not use a float32 half here
      }
      default -> (i + 0.5f) / scale - 0.5f;
    };
  }

  private long nearest(double coordinate, boolean shrinking) {
    return (long)
        switch (rounding) {
          case "floor" -> Math.floor(coordinate);
          case SIMPLE -> shrinking ? Math.ceil(coordinate) : Math.floor(coordinate);
          case "ceil" -> Math.ceil(coordinate);
          case "round_prefer_ceil" -> Math.floor(coordinate + 0.5 + TIE);
          default -> Math.ceil(coordinate - 0.5 - TIE);
        };
  }

  private static int clamp(long coordinate, int size) {
    return (int) Math.max(0, Math.min(size - 1, coordinate));
  }

  private void cubicRow(float[] row, double coordinate) {
    long low = (long) Math.floor(coordinate);
    double sum = 0;
    for (long position = low - 1; position <= low + 2; position++) {
      boolean outside = position < 0 || position >= row.length;
      double weight = excludesOutside && outside ? 0 : cubicWeight(Math.abs(coordinate - position));
      row[clamp(position, row.length)] += (float) weight;
      sum += weight;
    }
    for (int i = 0; excludesOutside && i < row.length; i++) {
      row[i] /= (float) sum;
    }
  }

  private double cubicWeight(double d) {
    return d <= 1
        ? ((cubic + 2) * d - (cubic + 3)) * d * d + 1
        : d < 2 ? ((cubic * d - 5 * cubic) * d + 8 * cubic) * d - 4 * cubic : 0;
  }
}
