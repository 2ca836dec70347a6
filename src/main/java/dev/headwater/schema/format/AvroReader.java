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

/**
 * Reads Avro values with their writer's schema from a registry. Any schema with the needed fields
 * works.
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
          "is not Avro in the Confluent wire format: first byte is %d, expected 0"
              .formatted(value[0] & 0xFF));
    }
    if (value.length < PREFIX) {
      throw new UnreadableValueException("is truncated: no schema id");
    }
    AvroSchema schema = registry.schema(ByteBuffer.wrap(value).getInt(1));
    new AvroWalk(value, PREFIX).over(schema.getAvroSchema());
    JsonParser parser = factory.createParser(value, PREFIX, value.length - PREFIX);
    parser.setSchema(schema);
    return new CheckedParser(parser);
  }

  @Override
  public Optional<String> text(byte[] value) {
    StringWriter text = new StringWriter();
    try (JsonParser parser = open(value);
        JsonGenerator json = JSON.createGenerator(text)) {
      parser.nextToken();
      json.copyCurrentStructure(parser);
    } catch (IOException e) {
      return Optional.empty(); // does not match its schema, in a part that was not read
    }
    return Optional.of(text.toString());
  }

  @Override
  public Format format() {
    return Format.AVRO;
  }

  /** Reports every decoding error that validation does not find as a {@link JsonParseException}. */
  private static final class CheckedParser extends JsonParserDelegate {
    CheckedParser(JsonParser parser) {
      super(parser);
    }

    @Override
    public JsonToken nextToken() throws IOException {
      try {
        return delegate.nextToken();
      } catch (RuntimeException | IOException e) {
        throw new JsonParseException(this, "does not match its schema", e);
      }
    }

    @Override
    public JsonParser skipChildren() throws IOException {
      try {
        delegate.skipChildren();
        return this;
      } catch (RuntimeException | IOException e) {
        throw new JsonParseException(this, "does not match its schema", e);
      }
    }
  }
}
