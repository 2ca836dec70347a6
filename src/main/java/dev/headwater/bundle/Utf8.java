package dev.headwater.bundle;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Values that must be text: neither absent nor empty, and UTF-8 to the last byte (RFC 3629). */
final class Utf8 {
  /** What is wrong with a string that is not {@link #isText}. */
  static final String NO_TEXT = "holds half a surrogate pair";

  private static final String WHOLE = "value";

  private Utf8() {}

  /**
   * The value itself, if it is UTF-8 without NUL bytes. A parser left to guess would take a value
   * with NULs for UTF-16.
   */
  static byte[] check(byte @Nullable [] value) throws InvalidRecordException {
    byte[] present = present(value);
    boolean ascii = true;
    for (byte b : present) {
      if (b == 0) {
        throw new InvalidRecordException(WHOLE, "holds a NUL byte: not JSON in UTF-8", null);
      }
      ascii &= b > 0;
    }
    if (!ascii) {
      decode(present);
    }
    return present;
  }

  static String text(byte @Nullable [] value) throws InvalidRecordException {
    return decode(present(value));
  }

  /** The value, which must not be null or empty. */
  static byte[] present(byte @Nullable [] value) throws InvalidRecordException {
    if (value == null) {
      throw new InvalidRecordException(WHOLE, "is null (a tombstone): nothing to score", null);
    }
    if (value.length == 0) {
      throw new InvalidRecordException(WHOLE, "is empty", null);
    }
    return value;
  }

  /** JSON can escape what is not Unicode text: as UTF-8 it would become other text. */
  static boolean isText(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        if (!Character.isHighSurrogate(c)
            || ++i == text.length()
            || !Character.isLowSurrogate(text.charAt(i))) {
          return false;
        }
      }
    }
    return true;
  }

  private static String decode(byte[] value) throws InvalidRecordException {
    ByteBuffer bytes = ByteBuffer.wrap(value);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
    } catch (CharacterCodingException e) {
      // the decoder stops on the offending byte; the exception itself names no place
      throw new InvalidRecordException(
          WHOLE, "is not valid UTF-8 at byte " + bytes.position(), null);
    }
  }
}
