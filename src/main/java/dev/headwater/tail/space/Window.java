package dev.headwater.tail.space;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import dev.headwater.tail.op.Call;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The geometry of a kernel sliding over a map.
 *
 * @param before padding at the start of each axis
 * @param after padding at the end of each axis
 * @param over how far the last window extends beyond the padding (ceil_mode only)
 */
@SuppressWarnings("ArrayRecordComponent") // read in loops, never compared
record Window(
    long[] kernel, long[] strides, long[] dilations, long[] before, long[] after, long[] over) {

  /** Reads the geometry of a node on a map {@code [N, C, ...]}. */
  static Window of(Call call, Shape map, long[] kernel) {
    int axes = kernel.length;
    long[] strides = each(call.integers("strides"), axes, 1);
    long[] dilations = each(call.integers("dilations"), axes, 1);
    long[] pads = each(call.integers("pads"), 2 * axes, 0);
    long[] before = Arrays.copyOf(pads, axes);
    long[] after = Arrays.copyOfRange(pads, axes, 2 * axes);
    long[] over = new long[axes];
    String auto = call.text("auto_pad", "NOTSET");
    boolean ceil = call.integer("ceil_mode", 0) == 1;
    for (int i = 0; i < axes; i++) {
      long size = map.get(i + 2);
      long extent = (kernel[i] - 1) * dilations[i] + 1;
      if (auto.startsWith("SAME")) {
        long windows = (size + strides[i] - 1) / strides[i];
        long total = Math.max(0, (windows - 1) * strides[i] + extent - size);
        before[i] = auto.equals("SAME_LOWER") ? total - total / 2 : total / 2;
        after[i] = total - before[i];
      }
      long slack = size + before[i] + after[i] - extent;
      if (ceil && slack % strides[i] != 0) {
        long start = (slack / strides[i] + 1) * strides[i];
        // a window that would start in the padding at the end is omitted
        over[i] = start < size + before[i] ? start - slack : 0;
      }
    }
    return new Window(kernel, strides, dilations, before, after, over);
  }

  static long[] each(long @Nullable [] explicit, int count, long defaultValue) {
    if (explicit != null && explicit.length > 0) {
      return explicit;
    }
    long[] values = new long[count];
    Arrays.fill(values, defaultValue);
    return values;
  }

  boolean symmetric() {
    return Arrays.equals(before, after) && Arrays.stream(over).allMatch(o -> o == 0);
  }

  boolean padded() {
    return Arrays.stream(before).anyMatch(p -> p != 0)
        || Arrays.stream(after).anyMatch(p -> p != 0)
        || Arrays.stream(over).anyMatch(o -> o != 0);
  }

  boolean dilated() {
    return Arrays.stream(dilations).anyMatch(d -> d != 1);
  }

  /** Pads the map explicitly, including the extension of the last windows. */
  NDArray padded(NDArray map, double value) {
    long[] end = after.clone();
    for (int i = 0; i < end.length; i++) {
      end[i] += over[i];
    }
    return padded(map, before, end, value);
  }

  /** Pads the last axes with a constant; returns the same tensor if there is no padding. */
  static NDArray padded(NDArray map, long[] before, long[] after, double value) {
    long[] pairs = new long[2 * before.length]; // PyTorch counts axes from the last
    for (int i = 0; i < before.length; i++) {
      pairs[2 * i] = before[before.length - 1 - i];
      pairs[2 * i + 1] = after[before.length - 1 - i];
    }
    return Arrays.stream(pairs).allMatch(p -> p == 0)
        ? map
        : JniUtils.pad((PtNDArray) map, pairs, value);
  }
}
