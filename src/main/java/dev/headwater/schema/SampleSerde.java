package dev.headwater.schema;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.apache.avro.Schema;
import org.apache.avro.message.MessageDecoder;
import org.apache.avro.message.SchemaStore;
import org.apache.avro.util.ClassSecurityValidator;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;
import org.jspecify.annotations.Nullable;

/**
 * A serde for samples in Avro's single-object encoding (Avro specification, "Single-object
 * encoding"). Every value carries the fingerprint of its writer schema, so values of any release
 * are read with the schema they were written with. A value of an unknown schema is rejected.
 */
public final class SampleSerde implements Serde<Sample> {
  static {
    // since 1.12.1, Avro only instantiates classes that are listed as trusted
    ClassSecurityValidator.setGlobal(
        ClassSecurityValidator.composite(
            ClassSecurityValidator.getGlobal(),
            ClassSecurityValidator.builder().add(Sample.class).add(Reason.class).build()));
  }

  private static final SchemaStore RELEASED = released();

  private final MessageDecoder<Sample> decoder;

  public SampleSerde() {
    this(RELEASED);
  }

  /**
   * @param others writer schemas that are readable besides the current one
   */
  SampleSerde(SchemaStore others) {
    decoder = Sample.createDecoder(others);
  }

  private static SchemaStore released() {
    SchemaStore.Cache schemas = new SchemaStore.Cache();
    for (int release = 1; ; release++) {
      String file = "/schemas/released/" + release + "/sample.avsc";
      try (InputStream schema = SampleSerde.class.getResourceAsStream(file)) {
        if (schema == null) {
          return schemas;
        }
        schemas.addSchema(new Schema.Parser().parse(schema));
      } catch (IOException e) {
        throw new UncheckedIOException(e); // it is in the jar
      }
    }
  }

  /** Encodes features as the little-endian bytes of the schema. */
  public static ByteBuffer pack(float[] features) {
    ByteBuffer bytes =
        ByteBuffer.allocate(features.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(features);
    return bytes;
  }

  /** Decodes the features of a sample, rows x dim, row-major. */
  public static float[] unpack(Sample sample) {
    float[] features = new float[sample.getRows() * sample.getDim()];
    floats(sample).get(features);
    return features;
  }

  /** Returns a view of the features. */
  private static FloatBuffer floats(Sample sample) {
    return sample.getFeatures().duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
  }

  @Override
  public Serializer<Sample> serializer() {
    return (topic, sample) -> write(sample);
  }

  @Override
  public Deserializer<Sample> deserializer() {
    return (topic, bytes) -> read(bytes);
  }

  @SuppressWarnings("NullAway") // Kafka's serializers return null for null
  private byte[] write(@Nullable Sample sample) {
    try {
      if (sample == null) {
        return null;
      }
      ByteBuffer buffer = Sample.getEncoder().encode(sample);
      byte[] bytes = new byte[buffer.remaining()];
      buffer.get(bytes);
      return bytes;
    } catch (IOException e) {
      throw new SerializationException("failed to encode sample " + sample.getRecordId(), e);
    }
  }

  @SuppressWarnings("NullAway")
  private Sample read(byte @Nullable [] bytes) {
    try {
      return bytes == null ? null : validated(decoder.decode(bytes));
    } catch (IOException | RuntimeException e) {
      throw new SerializationException("invalid sample: " + e.getMessage(), e);
    }
  }

  /** Checks the constraints that the schema cannot express; readers rely on them. */
  private static Sample validated(Sample sample) throws IOException {
    long size = (long) sample.getRows() * sample.getDim() * Float.BYTES;
    if (sample.getRows() < 1
        || sample.getDim() < 0
        || sample.getFeatures().remaining() != size
        || !(sample.getWeight() > 0 && sample.getWeight() < Double.POSITIVE_INFINITY)) {
      throw new IOException(
          "%d bytes of features for %d x %d floats, weight %s"
              .formatted(
                  sample.getFeatures().remaining(),
                  sample.getRows(),
                  sample.getDim(),
                  sample.getWeight()));
    }
    FloatBuffer features = floats(sample);
    while (features.hasRemaining()) {
      if (!Float.isFinite(features.get())) {
        throw new IOException("a feature is not finite");
      }
    }
    return sample;
  }
}
