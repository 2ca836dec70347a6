package dev.headwater.labelling;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;

/**
 * A brush stroke as Label Studio writes it: a picture of red, green, blue and alpha, painted where
 * alpha is above 0, as a stream of bits by the run-length code of {@code thi.ng/rle-pack}, highest
 * bit first:
 *
 * <ul>
 *   <li>how many words there are, in 32 bits; their size in bits less 1, in 5; and four sizes of
 *       counters less 1, in 4 each;
 *   <li>then, till there are as many words: a bit, which of the four sizes, in 2 bits, and a count
 *       less 1 of that size; after a set bit a word to be repeated as often, else as many words.
 * </ul>
 */
final class BrushStroke {
  private static final int CHANNELS = 4;
  private static final int ALPHA = 3;
  private static final int WORD = 8;
  private static final int[] COUNTERS = {3, 4, 8, 16};

  private BrushStroke() {}

  /**
   * Which pixels are painted, row by row.
   *
   * @param pixels of the picture it is painted on
   * @throws IOException where it is no stroke on so many pixels
   */
  static boolean[] decode(byte[] rle, int pixels) throws IOException {
    Bits bits = new Bits(rle);
    int words = bits.read(32);
    if (words != pixels * CHANNELS) {
      throw new IOException(
          "is a stroke on %d pixels, but there are %d"
              .formatted(Integer.toUnsignedLong(words) / CHANNELS, pixels));
    }
    int word = bits.read(5) + 1;
    int[] counters = new int[COUNTERS.length];
    for (int i = 0; i < counters.length; i++) {
      counters[i] = bits.read(4) + 1;
    }
    boolean[] painted = new boolean[pixels];
    for (int i = 0; i < words; ) {
      boolean repeated = bits.read(1) == 1;
      int end = i + 1 + bits.read(counters[bits.read(2)]);
      if (end > words) {
        throw new IOException("is a stroke with more than it begins with saying");
      }
      int value = repeated ? bits.read(word) : 0;
      for (; i < end; i++) {
        int each = repeated ? value : bits.read(word);
        if (i % CHANNELS == ALPHA) {
          painted[i / CHANNELS] = each != 0;
        }
      }
    }
    return painted;
  }

  /** As Label Studio's own code packs it: painted pixels are 255 in every channel. */
  static byte[] encode(boolean[] painted) {
    Written bits = new Written();
    bits.write(painted.length * CHANNELS, 32);
    bits.write(WORD - 1, 5);
    Arrays.stream(COUNTERS).forEach(size -> bits.write(size - 1, 4));
    int most = 1 << COUNTERS[COUNTERS.length - 1];
    for (int from = 0; from < painted.length; ) {
      int to = from;
      while (to < painted.length && painted[to] == painted[from]) {
        to++;
      }
      for (int left = (to - from) * CHANNELS; left > 0; left -= most) {
        bits.run(Math.min(left, most), painted[from] ? 0xFF : 0);
      }
      from = to;
    }
    return bits.bytes();
  }

  private static final class Bits {
    private final byte[] bytes;
    private int at;

    Bits(byte[] bytes) {
      this.bytes = bytes;
    }

    int read(int size) throws IOException {
      if (at + size > bytes.length * Byte.SIZE) {
        throw new IOException("is a stroke that ends too early");
      }
      int value = 0;
      for (int end = at + size; at < end; at++) {
        value = value << 1 | bytes[at / Byte.SIZE] >> (7 - at % Byte.SIZE) & 1;
      }
      return value;
    }
  }

  private static final class Written {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private int begun;
    private int bits;

    void run(int length, int word) {
      int counter = 0;
      while (length > 1 << COUNTERS[counter]) {
        counter++;
      }
      write(1, 1);
      write(counter, 2);
      write(length - 1, COUNTERS[counter]);
      write(word, WORD);
    }

    void write(int value, int size) {
      for (int bit = size - 1; bit >= 0; bit--) {
        begun = begun << 1 | value >> bit & 1;
        if (++bits % Byte.SIZE == 0) {
          bytes.write(begun);
        }
      }
    }

    byte[] bytes() {
      write(0, (Byte.SIZE - bits % Byte.SIZE) % Byte.SIZE);
      return bytes.toByteArray();
    }
  }
}
