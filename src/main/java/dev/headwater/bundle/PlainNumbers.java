package dev.headwater.bundle;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A cursor over ASCII JSON that stops at anything it does not support. It parses numbers to the
 * nearest float, like {@link Float#parseFloat}, but in double arithmetic. Rounding errors of that
 * arithmetic matter only near the midpoint of two floats. There, and outside the supported range,
 * it falls back to {@code parseFloat}.
 */
final class PlainNumbers {
  private static final double[] TENS =
      IntStream.rangeClosed(-22, 22).mapToDouble(e -> Double.parseDouble("1e" + e)).toArray();
  private static final long[] WHOLE_TENS = {
    1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000
  };
  private static final VarHandle EIGHT =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final long ZEROS = 0x3030303030303030L;
  private static final long OVERFLOW_NINE = 0x7676767676767676L;
  private static final long HIGH_BITS = 0x8080808080808080L;

  private static final long ONES = 0x0101010101010101L;
  private static final long COMMAS = ',' * ONES;

  private static final int MAX_EXPONENT = 22;
  private static final int MAX_DIGITS = 18;

  /** The mantissa bits of a double that a float does not have, and their midpoint. */
  private static final long EXTRA_BITS = (1L << 29) - 1;

  private static final long HALF = 1L << 28;

  /** Three roundings (digits, power, product) are at most three units in the last place. */
  private static final long TOLERANCE = 4;

  private final byte[] value;
  private int at;

  PlainNumbers(byte[] value) {
    this.value = value;
  }

  int at() {
    return at;
  }

  private int peek() {
    return at < value.length ? value[at] : -1;
  }

  private void skipSpace() {
    for (int b = peek(); b == ' ' || b == '\n' || b == '\r' || b == '\t'; b = peek()) {
      at++;
    }
  }

  /** Skips this character and the whitespace around it; returns false if it does not follow. */
  boolean skips(char wanted) {
    skipSpace();
    if (peek() != wanted) {
      return false;
    }
    at++;
    skipSpace();
    return true;
  }

  /** Skips whitespace and returns whether the end is reached. */
  boolean ended() {
    skipSpace();
    return at == value.length;
  }

  /** Skips a string without escapes; returns where it starts, or -1 if none follows. */
  int string() {
    if (peek() != '"') {
      return -1;
    }
    int from = ++at;
    for (int b = peek(); b != '"'; b = peek()) {
      if (b < ' ' || b == '\\') { // end of input, control characters and non-ASCII bytes
        return -1;
      }
      at++;
    }
    at++;
    return from;
  }

  String text(int from, int to) {
    return new String(value, from, to - from, ISO_8859_1);
  }

  boolean is(int from, int to, byte[] name) {
    if (to - from != name.length) {
      return false;
    }
    for (int i = 0; i < name.length; i++) {
      if (value[from + i] != name[i]) {
        return false;
      }
    }
    return true;
  }

  /** Skips a string, a number or a literal; returns false if none follows. */
  boolean skipScalar() {
    return switch (peek()) {
      case '"' -> string() >= 0;
      case 't' -> skipLiteral("true");
      case 'f' -> skipLiteral("false");
      case 'n' -> skipLiteral("null");
      default -> Float.isFinite(readNumber());
    };
  }

  private boolean skipLiteral(String word) {
    boolean found = at + word.length() <= value.length && text(at, at + word.length()).equals(word);
    at += found ? word.length() : 0;
    return found;
  }

  /** Reads an array of exactly {@code width} numbers; returns null if none follows. */
  float @Nullable [] array(int width) {
    float[] numbers = new float[width];
    if (!skips('[')) {
      return null;
    }
    for (int i = readDecimals(numbers, 0); i < width; i = readDecimals(numbers, i + 1)) {
      numbers[i] = readNumber();
      if (!Float.isFinite(numbers[i]) || (i + 1 < width && !skips(','))) {
        return null;
      }
    }
    return skips(']') ? numbers : null;
  }

  /**
   * Reads common decimals, up to the first number in another form. A common decimal has one to
   * seven digits before the point and one to eight after it; a comma follows within its first
   * sixteen characters. The position of the comma alone determines where the next number starts.
   * The value is computed from two 8-byte words, without a loop over characters.
   *
   * @param start index of the first number to read
   * @return index after the last number read
   */
  private int readDecimals(float[] numbers, int start) {
    byte[] value = this.value;
    int last = value.length - 3 * Long.BYTES;
    int i = start;
    int from = at;
    for (; i + 1 < numbers.length && from <= last; i++) {
      long first = (long) EIGHT.get(value, from);
      long second = (long) EIGHT.get(value, from + Long.BYTES);
      long commas = firstComma(first);
      int end = Long.numberOfTrailingZeros(commas) >> 3;
      if (commas == 0) {
        end = Long.BYTES + (Long.numberOfTrailingZeros(firstComma(second)) >> 3);
      }
      int sign = (((int) first & 0xFF ^ '-') - 1) >>> 31;
      // from here on the sign is removed and lengths are in bits
      int signBits = sign << 3;
      first ^= ZEROS;
      second ^= ZEROS;
      long low = first >>> signBits | second << 8 << (56 - signBits);
      long high = second >>> signBits;
      int before = Long.numberOfTrailingZeros(nonDigits(low)) & 56;
      int digits = (end << 3) - signBits - 8;
      int after = digits - before;
      int leadingZero = (8 - before) & (((int) low & 0xFF) - 1);
      // negative if any of them is
      int wrong = before - 8 | after - 8 | leadingZero;
      if (wrong < 0 || (low >>> before & 0xFF) != ('.' ^ '0')) {
        break;
      }
      long whole;
      if (digits <= Long.SIZE) {
        long afterPoint = -1L << before;
        long all = low & ~afterPoint | (low >>> 8 | high << 56) & afterPoint;
        long eight = all << (Long.SIZE - digits);
        if (nonDigits(eight) != 0) {
          break;
        }
        whole = parseEight(eight);
      } else {
        if (after > Long.SIZE || end == 2 * Long.BYTES) {
          break;
        }
        long left = low << (Long.SIZE - before);
        long right = (low >>> before >>> 8 | high << (56 - before)) << (Long.SIZE - after);
        if ((nonDigits(left) | nonDigits(right)) != 0) {
          break;
        }
        whole = parseEight(left) * WHOLE_TENS[after >> 3] + parseEight(right);
      }
      double near = whole * TENS[MAX_EXPONENT - (after >> 3)];
      if (isNearMidpoint(near)) {
        break;
      }
      numbers[i] = Float.intBitsToFloat(Float.floatToRawIntBits((float) near) | sign << 31);
      from += end + 1;
      if (value[from] == ' ') {
        from++;
      }
    }
    at = from;
    skipSpace();
    return i;
  }

  /** Reads a number; returns NaN if it is not valid JSON or has too many digits. */
  private float readNumber() {
    int from = at;
    boolean negative = peek() == '-';
    at += negative ? 1 : 0;
    int first = at;
    long digits = readDigits(0);
    int whole = at - first;
    boolean leadingZero = whole > 1 && value[first] == '0';
    int exponent = 0;
    boolean integer = peek() != '.';
    if (!integer) {
      int point = ++at;
      digits = readDigits(digits);
      exponent = point - at;
      whole = exponent == 0 ? 0 : whole;
    }
    // the point does not count as a digit
    boolean isSupported = whole > 0 && !leadingZero && at - first <= MAX_DIGITS + (integer ? 0 : 1);
    if (peek() == 'e' || peek() == 'E') {
      integer = false;
      at++;
      boolean negativeExponent = peek() == '-';
      at += negativeExponent || peek() == '+' ? 1 : 0;
      int begin = at;
      int power = (int) readDigits(0);
      exponent += negativeExponent ? -power : power;
      isSupported &= at > begin && at - begin <= 4;
    }
    if (!isSupported) {
      return Float.NaN;
    }
    if (integer) {
      return negative ? -digits : digits; // an integer zero has no sign
    }
    return toFloat(negative, digits, exponent, from);
  }

  /**
   * Reads digits, eight characters at a time. Their number and value are computed on whole words,
   * which keeps mispredicted branches to about one per number (Lemire 2018).
   */
  private long readDigits(long before) {
    long digits = before;
    while (at + Long.BYTES <= value.length) {
      long word = loadDigits(at);
      int found = countDigits(word);
      if (found == 0) {
        return digits;
      }
      digits = digits * WHOLE_TENS[found] + parseLeading(word, found);
      at += found;
      if (found < Long.BYTES) {
        return digits;
      }
    }
    for (int b = peek(); b >= '0' && b <= '9'; b = peek()) {
      digits = digits * 10 + (b - '0');
      at++;
    }
    return digits;
  }

  private long loadDigits(int from) {
    return (long) EIGHT.get(value, from) ^ ZEROS;
  }

  /** Sets the highest bit of each byte that is not a digit; bits after the first are unreliable. */
  private static long nonDigits(long word) {
    return ((word + OVERFLOW_NINE) | word) & HIGH_BITS;
  }

  /** Returns the number of leading digits. */
  private static int countDigits(long word) {
    return Long.numberOfTrailingZeros(nonDigits(word)) / Byte.SIZE;
  }

  /** Sets the highest bit of the first comma, and of no byte before it. */
  private static long firstComma(long eight) {
    long none = eight ^ COMMAS;
    return (none - ONES) & ~none & HIGH_BITS;
  }

  /** Returns the value of the first {@code found} digits, at least one. */
  private static long parseLeading(long word, int found) {
    return parseEight(word << ((Long.BYTES - found) * Byte.SIZE));
  }

  /** Returns the value of eight digits, the first in the lowest byte, by pairs, then fours. */
  private static long parseEight(long eight) {
    long pairs = ((eight * ((10 << 8) | 1)) >>> 8) & 0x00FF00FF00FF00FFL;
    long fours = ((pairs * ((100L << 16) | 1)) >>> 16) & 0x0000FFFF0000FFFFL;
    return (fours * ((10_000L << 32) | 1)) >>> 32;
  }

  private float toFloat(boolean negative, long digits, int exponent, int from) {
    if (Math.abs(exponent) <= MAX_EXPONENT) {
      double near = digits * TENS[exponent + MAX_EXPONENT];
      boolean normal = (near >= Float.MIN_NORMAL && near <= Float.MAX_VALUE) || digits == 0;
      if (normal && !isNearMidpoint(near)) {
        return (float) (negative ? -near : near);
      }
    }
    return Float.parseFloat(text(from, at));
  }

  private static boolean isNearMidpoint(double near) {
    return (Double.doubleToRawLongBits(near) - HALF + TOLERANCE & EXTRA_BITS) <= 2 * TOLERANCE;
  }
}
