package dev.headwater.onnx.graph;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Arithmetic on sizes that are constant, unknown, or a multiple c · N of the batch size N. Each c ·
 * N is encoded as a negative number, so code that ignores N treats it as an unknown dimension.
 */
final class Records {
  /** An unknown size. Far from Long.MIN_VALUE, which files use for "to the end". */
  static final long OPEN = Long.MIN_VALUE / 2;

  /** The batch size N. */
  static final long ONE = OPEN + 1;

  private static final long MAX_MULTIPLE = 1L << 40;

  private Records() {}

  /** Returns whether the size is c · N. */
  static boolean counted(long size) {
    return size > OPEN && size <= OPEN + MAX_MULTIPLE;
  }

  /** Returns whether the size is a number that does not depend on N. */
  static boolean number(long size) {
    return isKnown(size) && !counted(size);
  }

  /** Returns whether the size is a number or c · N. */
  static boolean isKnown(long size) {
    return size != OPEN;
  }

  /** Returns the c of c · N. */
  static long times(long counted) {
    return counted - OPEN;
  }

  private static long encode(long times) {
    return times > 0 && times <= MAX_MULTIPLE ? OPEN + times : OPEN;
  }

  static long sum(long a, long b) {
    if (a == 0 || b == 0) {
      return a == 0 ? b : a;
    }
    if (number(a) && number(b)) {
      return Math.addExact(a, b);
    }
    return counted(a) && counted(b) ? encode(times(a) + times(b)) : OPEN;
  }

  /** Multiplies sizes; N² is unknown. */
  static long product(long a, long b) {
    if (a == OPEN || b == OPEN || (counted(a) && counted(b))) {
      return OPEN;
    }
    return counted(a)
        ? encode(Math.multiplyExact(times(a), b))
        : counted(b) ? encode(Math.multiplyExact(a, times(b))) : Math.multiplyExact(a, b);
  }

  /** Divides sizes, rounding towards zero; unknown unless constant or a multiple of N. */
  static long quotient(long a, long b) {
    if (a == OPEN || b == OPEN || b == 0 || (counted(b) && !counted(a))) {
      return OPEN;
    }
    if (!counted(a)) {
      return a / b;
    }
    long divisor = counted(b) ? times(b) : b;
    return times(a) % divisor != 0
        ? OPEN
        : counted(b) ? times(a) / divisor : encode(times(a) / divisor);
  }

  /** Converts to a dimension: -1 if unknown or to be inferred. */
  static long dimension(long size) {
    return size >= 0 || counted(size) ? size : -1;
  }

  /** The number of elements of a shape: times · N^power. */
  record Volume(long times, int power) {
    /** Returns the size of the remaining dimension; -1 if unknown. */
    long over(Volume others) {
      if (times % others.times != 0) {
        return -1;
      }
      long left = times / others.times;
      return power == others.power
          ? left
          : power == others.power + 1 ? dimension(encode(left)) : -1;
    }
  }

  /**
   * Returns the number of elements of the dimensions from {@code from} on; null if a dimension is
   * unknown or 0, or the product is too large.
   *
   * @param except the dimension to leave out; -1 for none
   */
  static @Nullable Volume volume(long[] shape, int from, int except) {
    long times = 1;
    int power = 0;
    for (int i = from; i < shape.length; i++) {
      boolean counted = counted(shape[i]);
      long factor = i == except ? 1 : counted ? times(shape[i]) : shape[i];
      if (factor < 1 || times > MAX_MULTIPLE / factor) {
        return null;
      }
      times *= factor;
      power += counted && i != except ? 1 : 0;
    }
    return new Volume(times, power);
  }

  /** Returns the shape with -1 for each multiple of N. */
  static long[] hidden(long[] shape) {
    return Arrays.stream(shape).map(size -> Math.max(-1, size)).toArray();
  }
}
