package dev.headwater.labelling;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.Arrays;

/**
 * Decodes and encodes brush strokes of Label Studio. A stroke is an RGBA image in which pixels with
 * alpha above 0 are painted. It is run-length encoded as by {@code thi.ng/rle-pack}, in a bit
 * stream with the highest bit first:
 *
 * <ul>
 *   <li>a header: the number of words (32 bits), the word size minus 1 (5 bits), and four counter
 *       sizes minus 1 (4 bits each); sizes are in bits;
 *   <li>runs, until all words are read: a repeat flag (1 bit), the index of the counter size (2
 *       bits), and the run length minus 1 (one counter). If the flag is set, one word follows and
 *       is repeated; otherwise as many words as the run length follow.
 * </ul>
 */
final class BrushStroke {
  private static final int CHANNELS = 4;
  private static final int ALPHA = 3;
  private static final int WORD = 8;
  private static final int[] COUNTERS = {3, 4, 8, 16};

  private BrushStroke() {}

  /**
   * Decodes which pixels are painted, row by row.
   *
   * @param pixels number of pixels of the image
   * @throws IOException if it is not a valid stroke on that number of pixels
   */
  static boolean[] decode(byte[] rle, int pixels) throws IOException {
    BitReader bits = new BitReader(rle);
    int words = bits.read(32);
    if (words != pixels * CHANNELS) {
      throw new IOException(
          "is a stroke on %d pixels, expected %d"
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
        throw new IOException("is a corrupt stroke: it has more words than its header declares");
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

  /** Encodes a stroke like Label Studio does: painted pixels are 255 in every channel. */
  static byte[] encode(boolean[] painted) {
    BitWriter bits = new BitWriter();
    bits.write(painted.length * CHANNELS, 32);
    bits.write(WORD - 1, 5);
    Arrays.stream(COUNTERS).forEach(size -> bits.write(size - 1, 4));
    int maxRun = 1 << COUNTERS[COUNTERS.length - 1];
    for (int from = 0; from < painted.length; ) {
      int to = from;
      while (to < painted.length && painted[to] == painted[from]) {
        to++;
      }
      for (int left = (to - from) * CHANNELS; left > 0; left -= maxRun) {
        bits.run(Math.min(left, maxRun), painted[from] ? 0xFF : 0);
      }
      from = to;
    }
    return bits.bytes();
  }

  private static final class BitReader {
    private final byte[] bytes;
    private int at;

    BitReader(byte[] bytes) {
      this.bytes = bytes;
    }

    int read(int size) throws IOException {
      if (at + size > bytes.length * Byte.SIZE) {
        throw new IOException("is a truncated stroke");
      }
      int value = 0;
      for (int end = at + size; at < end; at++) {
        value = value << 1 | bytes[at / Byte.SIZE] >> (7 - at % Byte.SIZE) & 1;
      }
      return value;
    }
  }

  private static final class BitWriter {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private int current;
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
        current = current << 1 | value >> bit & 1;
        if (++bits % Byte.SIZE == 0) {
          bytes.write(current);
        }
      }
    }

    byte[] bytes() {
      write(0, (Byte.SIZE - bits % Byte.SIZE) % Byte.SIZE);
      return bytes.toByteArray();
    }
  }
}
