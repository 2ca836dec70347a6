package dev.headwater.schema.format;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharsetDecoder;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/**
 * Validates an Avro value against its schema without building objects. The parser trusts its input:
 * a length prefix of two gigabytes, or an endless array of zero-byte items, would exhaust the
 * process, and invalid UTF-8 would become other text.
 */
final class AvroWalk {
  private final BinaryDecoder bytes;
  private final int length;
  private final CharsetDecoder decoder = UTF_8.newDecoder();
  private long items;

  /**
   * Creates a validator of one value.
   *
   * @param from offset of the Avro binary, after the schema id
   */
  AvroWalk(byte[] value, int from) {
    length = value.length;
    bytes = DecoderFactory.get().binaryDecoder(value, from, value.length - from, null);
  }

  /**
   * Validates the value.
   *
   * @throws UnreadableValueException if the value does not match the schema, or has trailing bytes
   */
  void over(Schema schema) throws UnreadableValueException {
    boolean atEnd;
    try {
      walk(schema);
      atEnd = bytes.isEnd();
    } catch (IOException | RuntimeException | StackOverflowError e) {
      // invalid input may raise any exception in the decoder, and nest as deep as it is long
      throw new UnreadableValueException("does not match its Avro schema");
    }
    if (!atEnd) {
      throw new UnreadableValueException("does not match its Avro schema: trailing bytes");
    }
  }

  private void walk(Schema schema) throws IOException {
    switch (schema.getType()) {
      case RECORD -> {
        for (Schema.Field field : schema.getFields()) {
          walk(field.schema());
        }
      }
      case UNION -> walk(schema.getTypes().get(bytes.readIndex()));
      case ARRAY -> {
        for (long left = checkedCount(bytes.readArrayStart());
            left > 0;
            left = checkedCount(bytes.arrayNext())) {
          for (long i = 0; i < left; i++) {
            walk(schema.getElementType());
          }
        }
      }
      case MAP -> {
        for (long left = checkedCount(bytes.readMapStart());
            left > 0;
            left = checkedCount(bytes.mapNext())) {
          for (long i = 0; i < left; i++) {
            string();
            walk(schema.getValueType());
          }
        }
      }
      case STRING -> string();
      case BYTES -> bytes.skipFixed(checkedLength());
      case FIXED -> bytes.skipFixed(schema.getFixedSize());
      case ENUM -> schema.getEnumSymbols().get(bytes.readEnum());
      case INT -> bytes.readInt();
      case LONG -> bytes.readLong();
      case FLOAT -> bytes.skipFixed(Float.BYTES);
      case DOUBLE -> bytes.skipFixed(Double.BYTES);
      case BOOLEAN -> bytes.skipFixed(1);
      case NULL -> bytes.readNull();
      default -> throw new IllegalStateException("unsupported Avro type " + schema.getType());
    }
  }

  /** Limits the items of all collections together to the number of bytes, also zero-byte items. */
  private long checkedCount(long more) throws IOException {
    items += more;
    if (more < 0 || items > length) {
      throw new IOException("more items than bytes");
    }
    return more;
  }

  private int checkedLength() throws IOException {
    long size = bytes.readLong();
    if (size < 0 || size > length) {
      throw new IOException("longer than the value");
    }
    return (int) size;
  }

  private void string() throws IOException {
    byte[] characters = new byte[checkedLength()];
    bytes.readFixed(characters);
    for (byte character : characters) {
      if (character < 0) {
        decoder.decode(ByteBuffer.wrap(characters)); // all other strings are ASCII
        return;
      }
    }
  }
}
