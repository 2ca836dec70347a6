package dev.headwater.labelling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Held to bits worked out by hand from the format, and to bytes that {@code @thi.ng/rle-pack}
 * 3.2.12, whose code Label Studio uses, gives for the same pictures.
 */
class BrushStrokeTest {
  private static final String COUNTERS = "0010 0011 0111 1111"; // of 3, 4, 8 and 16 bits

  /** Six pixels, the second and the fifth painted white. */
  private static final byte[] PACKED =
      bytes(0, 0, 0, 24, 57, 27, 252, 96, 17, 255, 206, 1, 31, 252, 96, 0);

  private static final boolean[] PAINTED = {false, true, false, false, true, false};

  @Test
  void readsRepeatedAndSingleWords() throws Exception {
    byte[] rle =
        bits(
            "00000000000000000000000000001100", // three pixels: twelve words
            "00111", // of 8 bits
            COUNTERS,
            "1 00 011 00000000", // 0, four times
            "0 00 011 00001010 00010100 00011110 01100100", // 10, 20, 30 and an alpha of 100
            "0 01 0010 11111111 11111111 11111111", // three times 255
            "1 10 00000000 00000000"); // and an alpha of 0, by a counter larger than it needs

    assertThat(BrushStroke.decode(rle, 3)).containsExactly(false, true, false);
  }

  @Test
  void readsOtherSizesOfWordsAndCounters() throws Exception {
    byte[] rle =
        bits(
            "00000000000000000000000000001000", // two pixels
            "00000", // of 1 bit
            "0000 0001 0010 0011", // counters of 1, 2, 3 and 4 bits
            "1 11 0011 1", // 1, four times
            "0 01 10 1 1 1", // three times 1
            "0 00 0 0"); // 0, once

    assertThat(BrushStroke.decode(rle, 2)).containsExactly(true, false);
  }

  @Test
  void readsWhatLabelStudiosOwnCodePacks() throws Exception {
    assertThat(BrushStroke.decode(PACKED, 6)).containsExactly(PAINTED);

    byte[] coloured = // five by four pixels, two by two of them painted in 10, 20, 30
        bytes(
            0, 0, 0, 80, 57, 27, 254, 27, 0, 28, 40, 80, 123, 252, 40, 80, 123, 254, 216, 0, 225,
            66, 131, 223, 225, 66, 131, 223, 248, 92, 0);
    boolean[] painted = BrushStroke.decode(coloured, 20);
    for (int i = 0; i < painted.length; i++) {
      int x = i % 5;
      int y = i / 5;
      assertThat(painted[i]).as("%d, %d", x, y).isEqualTo(x >= 2 && x < 4 && y >= 1 && y < 3);
    }
  }

  @Test
  void packsAsLabelStudiosOwnCodeDoes() {
    assertThat(BrushStroke.encode(PAINTED)).isEqualTo(PACKED);

    boolean[] half = new boolean[90_000]; // runs longer than a counter
    Arrays.fill(half, 50_000, half.length, true);
    assertThat(BrushStroke.encode(half))
        .isEqualTo(
            bytes(
                0, 5, 126, 64, 57, 27, 255, 255, 255, 0, 255, 255, 224, 31, 255, 252, 3, 134, 159,
                128, 127, 255, 255, 255, 255, 255, 255, 220, 63, 255, 192));
  }

  @Test
  void readsWhatItPacked() throws Exception {
    Random random = new Random(3);
    for (int pixels : new int[] {1, 2, 7, 400, 40_000}) {
      boolean[] painted = new boolean[pixels];
      for (int i = 1; i < pixels; i++) {
        painted[i] = random.nextInt(10) == 0 ? !painted[i - 1] : painted[i - 1];
      }
      assertThat(BrushStroke.decode(BrushStroke.encode(painted), pixels)).isEqualTo(painted);
    }
  }

  @Test
  void refusesWhatIsNoStrokeOnThisPicture() {
    assertThatThrownBy(() -> BrushStroke.decode(PACKED, 7))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("on 6 pixels, expected 7");
    assertThatThrownBy(() -> BrushStroke.decode(Arrays.copyOf(PACKED, 9), 6))
        .hasMessageContaining("is a truncated stroke");
    byte[] tooMuch =
        bits("00000000000000000000000000000100", "00111", COUNTERS, "1 00 111 00000000");
    assertThatThrownBy(() -> BrushStroke.decode(tooMuch, 1))
        .hasMessageContaining("more words than its header declares");
    assertThatThrownBy(() -> BrushStroke.decode(bytes(), 6))
        .hasMessageContaining("truncated stroke");
  }

  private static byte[] bits(String... parts) {
    String bits = String.join("", parts).replace(" ", "");
    byte[] bytes = new byte[(bits.length() + 7) / 8];
    for (int i = 0; i < bits.length(); i++) {
      bytes[i / 8] |= (byte) (bits.charAt(i) == '1' ? 0x80 >> i % 8 : 0);
    }
    return bytes;
  }

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }
}
