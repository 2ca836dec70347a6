package dev.headwater.schema.format;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharsetDecoder;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/**
 * Walks a value by its schema without making anything of it, item by item. The parser trusts what
 * it reads: five bytes that claim two gigabytes, or items of no bytes without end, would cost the
 * process, and bytes that are no UTF-8 become other text.
 */
final class AvroWalk {
  private final BinaryDecoder bytes;
  private final int length;
  private final CharsetDecoder text = UTF_8.newDecoder();
  private long items;

  /**
   * @param from where the value begins, after the id of its schema
   */
  AvroWalk(byte[] value, int from) {
    length = value.length;
    bytes = DecoderFactory.get().binaryDecoder(value, from, value.length - from, null);
  }

  /**
   * @throws UnreadableValueException if the value is not of that schema from its first to its last
   *     byte
   */
  void over(Schema schema) throws UnreadableValueException {
    boolean whole;
    try {
      walk(schema);
      whole = bytes.isEnd();
    } catch (IOException | RuntimeException | StackOverflowError e) {
      // what does not fit takes the decoder anywhere; a value may be nested as deep as it is long
      throw new UnreadableValueException("is not valid Avro of its schema");
    }
    if (!whole) {
      throw new UnreadableValueException(
          "is not valid Avro of its schema: it goes on after its end");
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
        for (long left = counted(bytes.readArrayStart());
            left > 0;
            left = counted(bytes.arrayNext())) {
          for (long i = 0; i < left; i++) {
            walk(schema.getElementType());
          }
        }
      }
      case MAP -> {
        for (long left = counted(bytes.readMapStart()); left > 0; left = counted(bytes.mapNext())) {
          for (long i = 0; i < left; i++) {
            string();
            walk(schema.getValueType());
          }
        }
      }
      case STRING -> string();
      case BYTES -> bytes.skipFixed(claimed());
      case FIXED -> bytes.skipFixed(schema.getFixedSize());
      case ENUM -> schema.getEnumSymbols().get(bytes.readEnum());
      case INT -> bytes.readInt();
      case LONG -> bytes.readLong();
      case FLOAT -> bytes.skipFixed(Float.BYTES);
      case DOUBLE -> bytes.skipFixed(Double.BYTES);
      case BOOLEAN -> bytes.skipFixed(1);
      case NULL -> bytes.readNull();
      default -> throw new IllegalStateException("Avro has no type " + schema.getType());
    }
  }

  /** Of all collections together no more than there are bytes: what is nothing cannot be many. */
  private long counted(long more) throws IOException {
    items += more;
    if (more < 0 || items > length) {
      throw new IOException("more items than bytes");
    }
    return more;
  }

  private int claimed() throws IOException {
    long claimed = bytes.readLong();
    if (claimed < 0 || claimed > length) {
      throw new IOException("longer than the value");
    }
    return (int) claimed;
  }

  private void string() throws IOException {
    byte[] characters = new byte[claimed()];
    bytes.readFixed(characters);
    for (byte character : characters) {
      if (character < 0) {
        text.decode(ByteBuffer.wrap(characters)); // else it is ASCII
        return;
      }
    }
  }
}
