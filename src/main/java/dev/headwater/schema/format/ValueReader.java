package dev.headwater.schema.format;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Optional;

/**
 * Opens a value so that it can be walked as JSON is, whatever its form: the fields of an Avro
 * record are then found by the JSON pointers that name them. Thread-safe.
 */
public interface ValueReader {
  /** NaN and Infinity are read as numbers, so that the field that holds one can be named. */
  ValueReader JSON =
      new ValueReader() {
        private final JsonFactory factory =
            JsonFactory.builder()
                .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
                .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                .build();

        @Override
        public JsonParser open(byte[] value) throws IOException {
          return factory.createParser(value);
        }

        @Override
        public Optional<String> text(byte[] value) {
          if (holdsZero(value)) {
            return Optional.empty(); // a tensor may be nothing else
          }
          try {
            return Optional.of(UTF_8.newDecoder().decode(ByteBuffer.wrap(value)).toString());
          } catch (CharacterCodingException e) {
            return Optional.empty(); // images and tensors are not
          }
        }

        private boolean holdsZero(byte[] value) {
          for (byte each : value) {
            if (each == 0) {
              return true;
            }
          }
          return false;
        }

        @Override
        public Format format() {
          return Format.JSON;
        }
      };

  /**
   * A parser before the first token of the value; malformed content shows as it is walked, as a
   * {@code JsonProcessingException}.
   *
   * @throws UnreadableValueException if the value cannot be one of this form
   * @throws RegistryException if that cannot be told now
   */
  JsonParser open(byte[] value) throws IOException;

  /**
   * The value as people read it: JSON, or whatever text it is; empty where it is no text.
   *
   * @throws RegistryException if that cannot be told now
   */
  Optional<String> text(byte[] value);

  /** What it reads. */
  Format format();
}
