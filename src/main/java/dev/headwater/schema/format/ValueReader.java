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
 * Opens values of any format as JSON token streams. JSON pointers therefore also address the fields
 * of Avro records. Thread-safe.
 */
public interface ValueReader {
  /** Reads JSON. NaN and Infinity are accepted as numbers, so that errors can name their field. */
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
          if (containsZero(value)) {
            return Optional.empty(); // a tensor of zeros would be valid UTF-8
          }
          try {
            return Optional.of(UTF_8.newDecoder().decode(ByteBuffer.wrap(value)).toString());
          } catch (CharacterCodingException e) {
            return Optional.empty(); // most images and tensors are not UTF-8
          }
        }

        private boolean containsZero(byte[] value) {
          for (byte b : value) {
            if (b == 0) {
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
   * Returns a parser before the first token of the value. The parser throws a {@code
   * JsonProcessingException} when it reaches malformed content.
   *
   * @throws UnreadableValueException if the value is not of this format
   * @throws RegistryException if the schema registry is unavailable; retriable
   */
  JsonParser open(byte[] value) throws IOException;

  /**
   * Returns the value as JSON or other text for people to read; empty if it is not text.
   *
   * @throws RegistryException if the schema registry is unavailable; retriable
   */
  Optional<String> text(byte[] value);

  /** Returns the format that it reads. */
  Format format();
}
