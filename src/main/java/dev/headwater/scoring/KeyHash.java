package dev.headwater.scoring;

import java.nio.ByteBuffer;
import java.util.zip.CRC32;

/**
 * A uniform draw by a key: {@code fmix32(crc32(key))}, unsigned, with fmix32 the finaliser of
 * MurmurHash3 (A. Appleby), which makes the linear CRC uniform on keys that count up. A function of
 * the key alone, so that retries and instances agree and any language can recompute it.
 */
public final class KeyHash {
  private KeyHash() {}

  /** In [0, 2^32). */
  public static long of(byte[] key) {
    CRC32 crc = new CRC32();
    crc.update(key);
    return mixed(crc);
  }

  /**
   * Whether one of these draws takes the key: {@code fmix32(crc32(key, draw)) < share * 2^32}, with
   * the draw's number as eight bytes, the highest first. What a smaller share takes, a larger one
   * takes too; draws of other numbers take other keys.
   */
  public static boolean draws(byte[] key, long draw, double share) {
    CRC32 crc = new CRC32();
    crc.update(key);
    crc.update(ByteBuffer.allocate(Long.BYTES).putLong(draw).flip());
    return mixed(crc) < share * 0x1p32;
  }

  private static long mixed(CRC32 crc) {
    int h = (int) crc.getValue();
    h = (h ^ h >>> 16) * 0x85ebca6b;
    h = (h ^ h >>> 13) * 0xc2b2ae35;
    return Integer.toUnsignedLong(h ^ h >>> 16);
  }
}
