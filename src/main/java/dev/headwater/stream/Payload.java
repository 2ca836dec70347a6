package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Base64;

/** A record's value as an annotator gets it: text where it is UTF-8, else base64. */
record Payload(String text, boolean base64) {

  static Payload of(byte[] value) {
    try {
      return new Payload(UTF_8.newDecoder().decode(ByteBuffer.wrap(value)).toString(), false);
    } catch (CharacterCodingException e) {
      // not text: images and tensors are not, and base64 loses nothing
      return new Payload(Base64.getEncoder().encodeToString(value), true);
    }
  }

  /** Text of bytes that should be UTF-8, with replacement characters where they are not. */
  static String lenient(byte[] bytes) {
    return new String(bytes, UTF_8);
  }
}
