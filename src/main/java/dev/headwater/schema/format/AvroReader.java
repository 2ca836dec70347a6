package dev.headwater.schema.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.util.JsonParserDelegate;
import com.fasterxml.jackson.dataformat.avro.AvroFactory;
import com.fasterxml.jackson.dataformat.avro.AvroSchema;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.util.Optional;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/**
 * Avro with its schema in a registry: the writer's own, so that any will do that has the fields.
 */
final class AvroReader implements ValueReader {
  static final byte MAGIC = 0;
  static final int PREFIX = 1 + Integer.BYTES;

  private static final JsonFactory JSON = new JsonFactory();

  private final AvroFactory factory = AvroFactory.builderWithNativeDecoder().build();
  private final SchemaRegistry registry;

  AvroReader(SchemaRegistry registry) {
    this.registry = registry;
  }

  @Override
  public JsonParser open(byte[] value) throws IOException {
    if (value.length > 0 && value[0] != MAGIC) {
      throw new UnreadableValueException(
          "is no Avro in the Confluent wire format: it begins with byte %d, not 0"
              .formatted(value[0] & 0xFF));
    }
    if (value.length < PREFIX) {
      throw new UnreadableValueException("ends before the id of its schema");
    }
    AvroSchema schema = registry.schema(ByteBuffer.wrap(value).getInt(1));
    check(schema, value);
    JsonParser parser = factory.createParser(value, PREFIX, value.length - PREFIX);
    parser.setSchema(schema);
    return new Careful(parser);
  }

  /**
   * Walks the value without making anything of it. The parser trusts lengths: five bytes that claim
   * two gigabytes would cost the process.
   */
  private static void check(AvroSchema schema, byte[] value) throws UnreadableValueException {
    BinaryDecoder bytes =
        DecoderFactory.get().binaryDecoder(value, PREFIX, value.length - PREFIX, null);
    boolean whole;
    try {
      GenericDatumReader.skip(schema.getAvroSchema(), bytes);
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

  @Override
  public Optional<String> text(byte[] value) {
    StringWriter text = new StringWriter();
    try (JsonParser parser = open(value);
        JsonGenerator json = JSON.createGenerator(text)) {
      parser.nextToken();
      json.copyCurrentStructure(parser);
    } catch (IOException e) {
      return Optional.empty(); // not of its schema, where nobody looked for a field
    }
    return Optional.of(text.toString());
  }

  @Override
  public Format format() {
    return Format.AVRO;
  }

  /** What the walk cannot see, such as a symbol that an enum has not, is one failure too. */
  private static final class Careful extends JsonParserDelegate {
    Careful(JsonParser parser) {
      super(parser);
    }

    @Override
    public JsonToken nextToken() throws IOException {
      try {
        return delegate.nextToken();
      } catch (RuntimeException | IOException e) {
        throw new JsonParseException(this, "not of its schema", e);
      }
    }

    @Override
    public JsonParser skipChildren() throws IOException {
      try {
        delegate.skipChildren();
        return this;
      } catch (RuntimeException | IOException e) {
        throw new JsonParseException(this, "not of its schema", e);
      }
    }
  }
}
