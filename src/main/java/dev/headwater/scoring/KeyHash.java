package dev.headwater.scoring;

import java.nio.ByteBuffer;
import java.util.zip.CRC32;

/**
 * A uniform hash of keys: {@code fmix32(crc32(key))}, unsigned. The MurmurHash3 finaliser fmix32
 * (A. Appleby) makes the linear CRC uniform on consecutive keys. The hash depends only on the key,
 * so retries and instances agree and any language can recompute it.
 */
public final class KeyHash {
  private KeyHash() {}

  /** Returns the hash, in [0, 2^32). */
  public static long of(byte[] key) {
    CRC32 crc = new CRC32();
    crc.update(key);
    return mix(crc);
  }

  /**
   * Returns whether the key is in a uniform sample: {@code fmix32(crc32(key, seed)) < share *
   * 2^32}, with the seed as eight big-endian bytes. A larger share includes all keys of a smaller
   * one. Samples with different seeds are independent.
   */
  public static boolean selects(byte[] key, long seed, double share) {
    CRC32 crc = new CRC32();
    crc.update(key);
    crc.update(ByteBuffer.allocate(Long.BYTES).putLong(seed).flip());
    return mix(crc) < share * 0x1p32;
  }

  private static long mix(CRC32 crc) {
    int h = (int) crc.getValue();
    h = (h ^ h >>> 16) * 0x85ebca6b;
    h = (h ^ h >>> 13) * 0xc2b2ae35;
    return Integer.toUnsignedLong(h ^ h >>> 16);
  }
}
