package dev.headwater.bundle;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A cursor over JSON in ASCII that tells what it has read and stops at anything else. Numbers
 * become the nearest float, as {@link Float#parseFloat} has it: in double arithmetic, whose few
 * last bits can only be wrong by so much that another float is nearer where they lie half way
 * between two; there, and beyond the range of that reasoning, {@code parseFloat} itself is asked.
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
  private static final long BEYOND_NINE = 0x7676767676767676L;
  private static final long HIGHEST = 0x8080808080808080L;

  private static final long ONES = 0x0101010101010101L;
  private static final long COMMAS = ',' * ONES;

  private static final int GREATEST_EXPONENT = 22;
  private static final int DIGITS = 18;

  /** Of a double's bits, those that a float does not have, and where they are half way. */
  private static final long REST = (1L << 29) - 1;

  private static final long HALF = 1L << 28;

  /** Three roundings, of digits, power and product, are three units in the last place at most. */
  private static final long CLOSE = 4;

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

  /** Past this character and the space around it, if it comes next. */
  boolean skips(char wanted) {
    skipSpace();
    if (peek() != wanted) {
      return false;
    }
    at++;
    skipSpace();
    return true;
  }

  /** Whether nothing is left. */
  boolean ended() {
    skipSpace();
    return at == value.length;
  }

  /** Past a string of plain characters; where they begin, or -1 where it is no such string. */
  int string() {
    if (peek() != '"') {
      return -1;
    }
    int from = ++at;
    for (int b = peek(); b != '"'; b = peek()) {
      if (b < ' ' || b == '\\') { // the end, control characters and whatever is not ASCII
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

  /** Past a string, a number or a word; false where it is anything else. */
  boolean skipScalar() {
    return switch (peek()) {
      case '"' -> string() >= 0;
      case 't' -> skipsWord("true");
      case 'f' -> skipsWord("false");
      case 'n' -> skipsWord("null");
      default -> Float.isFinite(number());
    };
  }

  private boolean skipsWord(String word) {
    boolean found = at + word.length() <= value.length && text(at, at + word.length()).equals(word);
    at += found ? word.length() : 0;
    return found;
  }

  /** An array of exactly so many numbers; null where it is anything else. */
  float @Nullable [] array(int width) {
    float[] numbers = new float[width];
    if (!skips('[')) {
      return null;
    }
    for (int i = decimals(numbers, 0); i < width; i = decimals(numbers, i + 1)) {
      numbers[i] = number();
      if (!Float.isFinite(numbers[i]) || (i + 1 < width && !skips(','))) {
        return null;
      }
    }
    return skips(']') ? numbers : null;
  }

  /**
   * Numbers as most are, one to seven digits before the point and one to eight after it and then a
   * comma, which is the sixteenth character at the latest, up to the first that is not one of
   * these. Where the next one begins depends on nothing but where the comma is; what a number is
   * worth is told from two words and without a look at its characters one by one.
   *
   * @return how many there are then
   */
  private int decimals(float[] numbers, int there) {
    byte[] value = this.value;
    int last = value.length - 3 * Long.BYTES;
    int i = there;
    int from = at;
    for (; i + 1 < numbers.length && from <= last; i++) {
      long first = (long) EIGHT.get(value, from);
      long second = (long) EIGHT.get(value, from + Long.BYTES);
      long commas = commas(first);
      int end = Long.numberOfTrailingZeros(commas) >> 3;
      if (commas == 0) {
        end = Long.BYTES + (Long.numberOfTrailingZeros(commas(second)) >> 3);
      }
      int sign = (((int) first & 0xFF ^ '-') - 1) >>> 31;
      // from here on without the sign, and lengths in bits
      int minus = sign << 3;
      first ^= ZEROS;
      second ^= ZEROS;
      long low = first >>> minus | second << 8 << (56 - minus);
      long high = second >>> minus;
      int before = Long.numberOfTrailingZeros(beyond(low)) & 56;
      int digits = (end << 3) - minus - 8;
      int after = digits - before;
      int leadingZero = (8 - before) & (((int) low & 0xFF) - 1);
      // negative if one of them is
      int wrong = before - 8 | after - 8 | leadingZero;
      if (wrong < 0 || (low >>> before & 0xFF) != ('.' ^ '0')) {
        break;
      }
      long whole;
      if (digits <= Long.SIZE) {
        long afterPoint = -1L << before;
        long all = low & ~afterPoint | (low >>> 8 | high << 56) & afterPoint;
        long eight = all << (Long.SIZE - digits);
        if (beyond(eight) != 0) {
          break;
        }
        whole = eight(eight);
      } else {
        if (after > Long.SIZE || end == 2 * Long.BYTES) {
          break;
        }
        long left = low << (Long.SIZE - before);
        long right = (low >>> before >>> 8 | high << (56 - before)) << (Long.SIZE - after);
        if ((beyond(left) | beyond(right)) != 0) {
          break;
        }
        whole = eight(left) * WHOLE_TENS[after >> 3] + eight(right);
      }
      double near = whole * TENS[GREATEST_EXPONENT - (after >> 3)];
      if (closeToHalf(near)) {
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

  /** NaN where it is none in JSON, or has too many digits to be plain. */
  private float number() {
    int from = at;
    boolean negative = peek() == '-';
    at += negative ? 1 : 0;
    int first = at;
    long digits = digits(0);
    int whole = at - first;
    boolean leadingZero = whole > 1 && value[first] == '0';
    int exponent = 0;
    boolean integer = peek() != '.';
    if (!integer) {
      int point = ++at;
      digits = digits(digits);
      exponent = point - at;
      whole = exponent == 0 ? 0 : whole;
    }
    // the point is no digit
    boolean plain = whole > 0 && !leadingZero && at - first <= DIGITS + (integer ? 0 : 1);
    if (peek() == 'e' || peek() == 'E') {
      integer = false;
      at++;
      boolean down = peek() == '-';
      at += down || peek() == '+' ? 1 : 0;
      int begin = at;
      int power = (int) digits(0);
      exponent += down ? -power : power;
      plain &= at > begin && at - begin <= 4;
    }
    if (!plain) {
      return Float.NaN;
    }
    if (integer) {
      return negative ? -digits : digits; // of zero there is one
    }
    return nearest(negative, digits, exponent, from);
  }

  /**
   * Eight characters at a time: how many of them are digits is seen in one word, and so is what
   * they are worth, with as few branches to guess wrong as there are numbers (Lemire 2018).
   */
  private long digits(long before) {
    long digits = before;
    while (at + Long.BYTES <= value.length) {
      long worth = worth(at);
      int found = found(worth);
      if (found == 0) {
        return digits;
      }
      digits = digits * WHOLE_TENS[found] + part(worth, found);
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

  private long worth(int from) {
    return (long) EIGHT.get(value, from) ^ ZEROS;
  }

  /** The highest bit of each that is no digit. A carry spoils only what comes after such a one. */
  private static long beyond(long worth) {
    return ((worth + BEYOND_NINE) | worth) & HIGHEST;
  }

  /** How many digits come first. */
  private static int found(long worth) {
    return Long.numberOfTrailingZeros(beyond(worth)) / Byte.SIZE;
  }

  /** The highest bit of the first that is a comma, and of none before it. */
  private static long commas(long eight) {
    long none = eight ^ COMMAS;
    return (none - ONES) & ~none & HIGHEST;
  }

  /** Of so many digits, one at least. */
  private static long part(long worth, int found) {
    return eight(worth << ((Long.BYTES - found) * Byte.SIZE));
  }

  /** Of eight digits, the first in the lowest byte: in pairs, in fours, all. */
  private static long eight(long eight) {
    long pairs = ((eight * ((10 << 8) | 1)) >>> 8) & 0x00FF00FF00FF00FFL;
    long fours = ((pairs * ((100L << 16) | 1)) >>> 16) & 0x0000FFFF0000FFFFL;
    return (fours * ((10_000L << 32) | 1)) >>> 32;
  }

  private float nearest(boolean negative, long digits, int exponent, int from) {
    if (Math.abs(exponent) <= GREATEST_EXPONENT) {
      double near = digits * TENS[exponent + GREATEST_EXPONENT];
      boolean normal = (near >= Float.MIN_NORMAL && near <= Float.MAX_VALUE) || digits == 0;
      if (normal && !closeToHalf(near)) {
        return (float) (negative ? -near : near);
      }
    }
    return Float.parseFloat(text(from, at));
  }

  private static boolean closeToHalf(double near) {
    return (Double.doubleToRawLongBits(near) - HALF + CLOSE & REST) <= 2 * CLOSE;
  }
}
