package dev.headwater.schema;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The JSON header of a safetensors file. It is parsed token by token, so that a malicious header is
 * rejected at its first invalid token.
 */
final class SafetensorsHeader {
  static final String METADATA = "__metadata__";

  // names are untrusted: interning them would fill a table that is never cleared
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .build();

  private final JsonParser parser;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private @Nullable Map<String, String> metadata;

  /** The shape and location of a tensor; offsets are in bytes from the end of the header. */
  record Entry(long[] shape, long begin, long end) {}

  private SafetensorsHeader(JsonParser parser) {
    this.parser = parser;
  }

  static SafetensorsHeader parse(String json) throws RejectedHeadException {
    try (JsonParser parser = JSON.createParser(json)) {
      SafetensorsHeader header = new SafetensorsHeader(parser);
      header.read();
      return header;
    } catch (JsonProcessingException e) {
      throw invalid("is not valid JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw invalid("could not be read: " + e.getMessage());
    }
  }

  Map<String, Entry> entries() {
    return entries;
  }

  Map<String, String> metadata() {
    return metadata == null ? Map.of() : metadata;
  }

  private void read() throws IOException, RejectedHeadException {
    expect(parser.nextToken(), JsonToken.START_OBJECT, "root");
    for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
      boolean duplicate =
          name.equals(METADATA) ? !readMetadata() : entries.put(name, readEntry(name)) != null;
      if (duplicate) {
        throw invalid("has the duplicate key '" + name + "'");
      }
    }
    if (parser.nextToken() != null) {
      throw invalid("has content after its closing brace");
    }
  }

  /** Returns false if the header has metadata already. */
  private boolean readMetadata() throws IOException, RejectedHeadException {
    boolean first = metadata == null;
    Map<String, String> read = new LinkedHashMap<>();
    expect(parser.nextToken(), JsonToken.START_OBJECT, METADATA);
    for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
      expect(parser.nextToken(), JsonToken.VALUE_STRING, METADATA + " '" + key + "'");
      if (read.put(key, parser.getText()) != null) {
        throw invalid("has the duplicate key '" + key + "' in " + METADATA);
      }
    }
    metadata = read;
    return first;
  }

  private Entry readEntry(String name) throws IOException, RejectedHeadException {
    String type = null;
    long[] shape = null;
    long[] offsets = null;
    expect(parser.nextToken(), JsonToken.START_OBJECT, "tensor '" + name + "'");
    for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
      if (key.equals("dtype") && type == null) {
        expect(parser.nextToken(), JsonToken.VALUE_STRING, "dtype of '" + name + "'");
        type = parser.getText();
      } else if (key.equals("shape") && shape == null) {
        shape = readNumbers("shape of '" + name + "'");
      } else if (key.equals("data_offsets") && offsets == null) {
        offsets = readNumbers("data_offsets of '" + name + "'");
      } else {
        throw invalid("has an unknown or repeated key '" + key + "' in tensor '" + name + "'");
      }
    }
    return entry(name, type, shape, offsets);
  }

  private static Entry entry(
      String name, @Nullable String type, long @Nullable [] shape, long @Nullable [] offsets)
      throws RejectedHeadException {
    if (type == null || shape == null || offsets == null || offsets.length != 2) {
      throw invalid("lacks dtype, shape or two data_offsets for tensor '" + name + "'");
    }
    if (!type.equals("F32")) {
      throw invalid("has dtype " + type + " for tensor '" + name + "', expected F32");
    }
    return new Entry(shape, offsets[0], offsets[1]);
  }

  private long[] readNumbers(String what) throws IOException, RejectedHeadException {
    long[] numbers = new long[4];
    int count = 0;
    expect(parser.nextToken(), JsonToken.START_ARRAY, what);
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
      numbers = count < numbers.length ? numbers : Arrays.copyOf(numbers, 2 * count);
      numbers[count] = parser.getLongValue();
      if (numbers[count++] < 0) {
        throw invalid("has a negative number in " + what);
      }
    }
    return Arrays.copyOf(numbers, count);
  }

  private static void expect(@Nullable JsonToken found, JsonToken wanted, String what)
      throws RejectedHeadException {
    if (found != wanted) {
      throw invalid("has " + found + " as " + what + ", expected " + wanted);
    }
  }

  private static RejectedHeadException invalid(String what) {
    return new RejectedHeadException("The safetensors header " + what + ".");
  }
}
