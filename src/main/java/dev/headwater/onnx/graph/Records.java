package dev.headwater.onnx.graph;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Sizes that go with the number of records N, among sizes that are known and such as are not: c · N
 * is a negative number of its own, so that whoever knows nothing of N takes it for unknown.
 */
final class Records {
  /** Not known. Far from the least of numbers, which files write for "to the end". */
  static final long OPEN = Long.MIN_VALUE / 2;

  /** N itself. */
  static final long ONE = OPEN + 1;

  private static final long MOST = 1L << 40;

  private Records() {}

  /** Whether this is c · N. */
  static boolean counted(long size) {
    return size > OPEN && size <= OPEN + MOST;
  }

  /** Whether this is a number that is the same for any number of records. */
  static boolean number(long size) {
    return told(size) && !counted(size);
  }

  /** Whether this is a number, or c · N. */
  static boolean told(long size) {
    return size != OPEN;
  }

  /** The c of c · N. */
  static long times(long counted) {
    return counted - OPEN;
  }

  private static long of(long times) {
    return times > 0 && times <= MOST ? OPEN + times : OPEN;
  }

  static long sum(long a, long b) {
    if (a == 0 || b == 0) {
      return a == 0 ? b : a;
    }
    if (number(a) && number(b)) {
      return Math.addExact(a, b);
    }
    return counted(a) && counted(b) ? of(times(a) + times(b)) : OPEN;
  }

  /** Of numbers and what is counted. */
  static long product(long a, long b) {
    if (a == OPEN || b == OPEN || (counted(a) && counted(b))) {
      return OPEN;
    }
    return counted(a)
        ? of(Math.multiplyExact(times(a), b))
        : counted(b) ? of(Math.multiplyExact(a, times(b))) : Math.multiplyExact(a, b);
  }

  /** Rounded towards zero, where that is the same for every number of records. */
  static long quotient(long a, long b) {
    if (a == OPEN || b == OPEN || b == 0 || (counted(b) && !counted(a))) {
      return OPEN;
    }
    if (!counted(a)) {
      return a / b;
    }
    long by = counted(b) ? times(b) : b;
    return times(a) % by != 0 ? OPEN : counted(b) ? times(a) / by : of(times(a) / by);
  }

  /** As a dimension: -1 where it is not known, or is left to be filled in. */
  static long dimension(long size) {
    return size >= 0 || counted(size) ? size : -1;
  }

  /** How many values there are: times · N^power. */
  record Volume(long times, int power) {
    /** What is left for one more dimension; -1 where that is not known. */
    long over(Volume others) {
      if (times % others.times != 0) {
        return -1;
      }
      long left = times / others.times;
      return power == others.power ? left : power == others.power + 1 ? dimension(of(left)) : -1;
    }
  }

  /**
   * Of these dimensions from one on, but for one of them; null where one is not known, or 0, or
   * nothing has so many.
   *
   * @param but -1 for none
   */
  static @Nullable Volume volume(long[] shape, int from, int but) {
    long times = 1;
    int power = 0;
    for (int i = from; i < shape.length; i++) {
      boolean counted = counted(shape[i]);
      long factor = i == but ? 1 : counted ? times(shape[i]) : shape[i];
      if (factor < 1 || times > MOST / factor) {
        return null;
      }
      times *= factor;
      power += counted && i != but ? 1 : 0;
    }
    return new Volume(times, power);
  }

  /** With -1 for all that goes with the number of records. */
  static long[] hidden(long[] shape) {
    return Arrays.stream(shape).map(size -> Math.max(-1, size)).toArray();
  }
}
