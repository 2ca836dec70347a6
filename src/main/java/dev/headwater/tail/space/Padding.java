package dev.headwater.tail.space;

import ai.djl.ndarray.NDArray;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Operator;
import dev.headwater.tail.op.Selection;
import java.util.Map;

/** Padding with a constant, or by reflecting, wrapping or repeating values. */
public final class Padding {
  private Padding() {}

  public static Map<String, Operator> operators() {
    return Map.of("Pad", Operator.of(Padding::pad));
  }

  /** Widths are an attribute before opset 11 and an input since. */
  private static NDArray pad(Call call) {
    NDArray x = call.in(0);
    int rank = x.getShape().dimension();
    long[] widths = call.longs("pads", 1);
    long[] before = new long[rank];
    long[] after = new long[rank];
    long[] axes = call.longs(3);
    for (int i = 0; widths != null && i < widths.length / 2; i++) {
      int axis = Call.axis(axes == null ? i : axes[i], rank);
      before[axis] = widths[i];
      after[axis] = widths[widths.length / 2 + i];
    }
    String mode = call.text("mode", "constant");
    if (mode.equals("constant")) {
      float[] value = call.has("value") ? new float[] {call.real("value", 0)} : call.floats(2);
      return Window.padded(x, before, after, value == null ? 0 : value[0]);
    }
    for (int axis = 0; axis < rank; axis++) {
      x = before[axis] == 0 && after[axis] == 0 ? x : padAxis(x, axis, before, after, mode);
    }
    return x;
  }

  private static NDArray padAxis(NDArray x, int axis, long[] before, long[] after, String mode) {
    long size = x.getShape().get(axis);
    long first = Math.max(0, -before[axis]); // cropped values do not wrap around
    long last = size - Math.max(0, -after[axis]);
    long[] from = new long[Math.toIntExact(before[axis] + size + after[axis])];
    for (int i = 0; i < from.length; i++) {
      long at = i - before[axis];
      from[i] =
          switch (mode) {
            case "reflect" -> reflect(at, size);
            case "wrap" -> first + Math.floorMod(at - first, last - first);
            default -> Math.max(0, Math.min(size - 1, at));
          };
    }
    return Selection.chosen(x, axis, from);
  }

  private static long reflect(long at, long size) {
    if (size == 1) {
      return 0;
    }
    long within = Math.floorMod(at, 2 * size - 2);
    return within < size ? within : 2 * size - 2 - within;
  }
}
