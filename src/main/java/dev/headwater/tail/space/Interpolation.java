package dev.headwater.tail.space;

import dev.headwater.tail.op.Call;
import java.util.Set;

/**
 * Which values of an axis make up each value of the resized axis, and by how much.
 *
 * @param mode nearest, linear or cubic
 * @param transformation from a resized coordinate to an original one, as ONNX names it
 * @param rounding of nearest
 * @param cubic the free coefficient of cubic interpolation (Keys 1981)
 * @param excludesOutside whether cubic weights of values beyond the edge are dropped
 */
record Interpolation(
    String mode, String transformation, String rounding, double cubic, boolean excludesOutside) {

  /** Those coordinates that are known here. */
  static final Set<String> TRANSFORMATIONS =
      Set.of(
          "asymmetric",
          "align_corners",
          "half_pixel",
          "half_pixel_symmetric",
          "pytorch_half_pixel",
          "tf_half_pixel_for_nn");

  /** Of opset 10 and before: up where the axis shrinks, else down. */
  private static final String SIMPLE = "simple";

  /** How far from half way ONNX Runtime still takes a coordinate to be half way. */
  private static final double TIE = 1e-6;

  static Interpolation of(Call call) {
    boolean old = call.opset() < 11;
    return new Interpolation(
        call.text("mode", "nearest"),
        call.text("coordinate_transformation_mode", old ? "asymmetric" : "half_pixel"),
        call.text("nearest_mode", old ? SIMPLE : "round_prefer_floor"),
        call.real("cubic_coeff_a", -0.75f),
        call.integer("exclude_outside", 0) == 1);
  }

  boolean linear() {
    return mode.equals("linear");
  }

  /**
   * Whether PyTorch's own interpolation of maps [N, C, H, W] does the same. DJL asks it to smooth
   * (antialias) what it makes smaller, which ONNX does not.
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
            && whole(scales[2])
            && whole(scales[3]);
  }

  private static boolean whole(float scale) {
    return scale == Math.rint(scale);
  }

  /** One row for each resized value: its weights over the original ones. */
  float[][] matrix(long in, long out, float scale) {
    int size = Math.toIntExact(in);
    float[][] rows = new float[Math.toIntExact(out)][size];
    for (int i = 0; i < rows.length; i++) {
      double at = original(i, in, out, scale);
      if (mode.equals("nearest")) {
        rows[i][inside(nearest(at, scale < 1), size)] = 1;
      } else if (linear()) {
        double clamped = Math.max(0, Math.min(size - 1, at));
        int low = (int) Math.floor(clamped);
        rows[i][low] += (float) (1 - (clamped - low));
        rows[i][inside(low + 1L, size)] += (float) (clamped - low);
      } else {
        cubicRow(rows[i], at);
      }
    }
    return rows;
  }

  /** In float32, term by term: an exact coordinate may be nearest to another place. */
  private float original(long i, long in, long out, float scale) {
    return switch (transformation) {
      case "asymmetric" -> i / scale;
      case "align_corners" -> out == 1 ? 0 : (float) i * (in - 1) / (out - 1);
      case "tf_half_pixel_for_nn" -> (i + 0.5f) / scale;
      case "pytorch_half_pixel" -> out > 1 ? (i + 0.5f) / scale - 0.5f : 0;
      case "half_pixel_symmetric" -> {
        float adjustment = out / (scale * in);
        float offset = in / 2f * (1 - adjustment);
        yield (float) (offset + (i + 0.5) / scale - 0.5); // ONNX Runtime takes no half in float32
      }
      default -> (i + 0.5f) / scale - 0.5f;
    };
  }

  private long nearest(double at, boolean shrinks) {
    return (long)
        switch (rounding) {
          case "floor" -> Math.floor(at);
          case SIMPLE -> shrinks ? Math.ceil(at) : Math.floor(at);
          case "ceil" -> Math.ceil(at);
          case "round_prefer_ceil" -> Math.floor(at + 0.5 + TIE);
          default -> Math.ceil(at - 0.5 - TIE);
        };
  }

  private static int inside(long at, int size) {
    return (int) Math.max(0, Math.min(size - 1, at));
  }

  private void cubicRow(float[] row, double at) {
    long low = (long) Math.floor(at);
    double sum = 0;
    for (long place = low - 1; place <= low + 2; place++) {
      boolean outside = place < 0 || place >= row.length;
      double weight = excludesOutside && outside ? 0 : keys(Math.abs(at - place));
      row[inside(place, row.length)] += (float) weight;
      sum += weight;
    }
    for (int i = 0; excludesOutside && i < row.length; i++) {
      row[i] /= (float) sum;
    }
  }

  private double keys(double d) {
    return d <= 1
        ? ((cubic + 2) * d - (cubic + 3)) * d * d + 1
        : d < 2 ? ((cubic * d - 5 * cubic) * d + 8 * cubic) * d - 4 * cubic : 0;
  }
}
