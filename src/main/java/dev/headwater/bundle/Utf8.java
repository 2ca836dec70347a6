package dev.headwater.bundle;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Validates values that must be non-empty UTF-8 text (RFC 3629). */
final class Utf8 {
  /** The cause if {@link #isText} is false. */
  static final String NO_TEXT = "contains an unpaired surrogate";

  private static final String WHOLE = "value";

  private Utf8() {}

  /**
   * Returns the value if it is UTF-8 without NUL bytes. JSON parsers that detect the encoding take
   * a value with NUL bytes for UTF-16.
   */
  static byte[] check(byte @Nullable [] value) throws InvalidRecordException {
    byte[] present = present(value);
    boolean ascii = true;
    for (byte b : present) {
      if (b == 0) {
        throw new InvalidRecordException(
            WHOLE, "contains a NUL byte, which is not valid in UTF-8 JSON", null);
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

  /** Returns the value, which must not be null or empty. */
  static byte[] present(byte @Nullable [] value) throws InvalidRecordException {
    if (value == null) {
      throw new InvalidRecordException(
          WHOLE, "is null (a tombstone), which cannot be scored", null);
    }
    if (value.length == 0) {
      throw new InvalidRecordException(WHOLE, "is empty", null);
    }
    return value;
  }

  /**
   * Returns whether a string has no unpaired surrogates. JSON escapes can produce them, and
   * encoding them as UTF-8 would change the text.
   */
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
      // the decoder stops at the invalid byte; the exception has no position
      throw new InvalidRecordException(
          WHOLE, "is not valid UTF-8 at byte " + bytes.position(), null);
    }
  }
}
