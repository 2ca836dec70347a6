package dev.headwater.schema.format;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.dataformat.avro.AvroMapper;
import com.fasterxml.jackson.dataformat.avro.AvroSchema;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Objects;
import org.apache.avro.Schema;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;
import org.jspecify.annotations.Nullable;

/**
 * An Avro serde with a schema of this release. It registers the schema on the first write to a
 * topic. Null maps to null, so tombstones are supported.
 */
final class AvroSerde<T> implements Serde<T> {
  private static final AvroMapper MAPPER =
      AvroMapper.builder()
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .build();

  private final SchemaRegistry registry;
  private final AvroReader values;
  private final Schema schema;
  private final ObjectWriter writer;
  private final ObjectReader reader;

  /**
   * Creates a serde.
   *
   * @param file name of the schema file in {@code schemas/}
   */
  AvroSerde(Class<T> type, String file, SchemaRegistry registry) {
    this.registry = registry;
    values = new AvroReader(registry);
    schema = schema(file);
    writer = MAPPER.writerFor(type).with(new AvroSchema(schema));
    reader = MAPPER.readerFor(type);
  }

  private static Schema schema(String file) {
    try (InputStream resource = AvroSerde.class.getResourceAsStream("/schemas/" + file)) {
      return new Schema.Parser().parse(Objects.requireNonNull(resource, file));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // it is in the jar
    }
  }

  @Override
  public Serializer<T> serializer() {
    return this::write;
  }

  @Override
  public Deserializer<T> deserializer() {
    return (topic, bytes) -> read(bytes);
  }

  @SuppressWarnings("NullAway") // Kafka's serializers return null for null
  private byte[] write(String topic, @Nullable T value) {
    if (value == null) {
      return null;
    }
    int id = registry.id(topic, schema);
    try {
      byte[] body = writer.writeValueAsBytes(value);
      return ByteBuffer.allocate(AvroReader.PREFIX + body.length)
          .put(AvroReader.MAGIC)
          .putInt(id)
          .put(body)
          .array();
    } catch (IOException e) {
      throw new SerializationException("failed to encode as " + schema.getFullName(), e);
    }
  }

  @SuppressWarnings("NullAway")
  private T read(byte @Nullable [] bytes) {
    if (bytes == null) {
      return null;
    }
    try (JsonParser parser = values.open(bytes)) {
      return reader.readValue(parser);
    } catch (IOException e) {
      throw new SerializationException("invalid Avro value: " + e.getMessage(), e);
    }
  }
}
