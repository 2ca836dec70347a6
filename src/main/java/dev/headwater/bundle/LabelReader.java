package dev.headwater.bundle;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import dev.headwater.schema.Json;
import dev.headwater.schema.Label;
import dev.headwater.schema.format.UnreadableValueException;
import dev.headwater.schema.format.ValueReader;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Decodes and validates records of the labels topic. */
public final class LabelReader {
  private static final ObjectReader TREE =
      Json.MAPPER.reader().with(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY);

  private LabelReader() {}

  /**
   * Reads one label.
   *
   * @return a label whose id, task and text are not blank; {@link Task#checkLabel} checks it
   *     against the task
   * @throws InvalidRecordException with the field, and the record's id if it could be read
   */
  public static Label read(ValueReader values, byte @Nullable [] value)
      throws InvalidRecordException {
    JsonNode fields = fields(values, value);
    String id = name(fields, "recordId", null);
    return new Label(id, name(fields, "task", id), label(fields.get("label"), id));
  }

  private static JsonNode fields(ValueReader values, byte @Nullable [] value)
      throws InvalidRecordException {
    if (value == null || value.length == 0) {
      throw new InvalidRecordException(
          "value", "is empty, expected a label in " + values.format(), null);
    }
    try (JsonParser parser = values.open(value)) {
      JsonNode fields = TREE.readTree(parser);
      if (fields == null || !fields.isObject()) {
        throw new InvalidRecordException("value", "is not an object with label fields", null);
      }
      return fields;
    } catch (UnreadableValueException e) {
      throw new InvalidRecordException("value", String.valueOf(e.getMessage()), null);
    } catch (IOException e) {
      // the parser's message quotes the payload
      throw new InvalidRecordException("value", "is not a label in " + values.format(), null);
    }
  }

  /** Reads a string, or an integer as its decimal text, like the ids of records. */
  private static String name(JsonNode fields, String field, @Nullable String id)
      throws InvalidRecordException {
    JsonNode name = fields.get(field);
    if (name != null && !name.isNull() && !name.isTextual() && !name.isIntegralNumber()) {
      throw new InvalidRecordException(
          "/" + field, "is " + FieldReader.kind(name.asToken()) + ", expected a string", id);
    }
    return present(name == null || name.isNull() ? null : name.asText(), "/" + field, id);
  }

  private static String label(@Nullable JsonNode label, String id) throws InvalidRecordException {
    String text = Label.text(label);
    if (text == null && label != null && !label.isNull()) {
      throw new InvalidRecordException(
          "/label",
          "is "
              + FieldReader.kind(label.asToken())
              + ", expected a string, a finite number or an array of strings",
          id);
    }
    return present(text, "/label", id);
  }

  private static String present(@Nullable String text, String field, @Nullable String id)
      throws InvalidRecordException {
    if (text == null || text.isBlank()) {
      throw new InvalidRecordException(field, "is missing or blank", id);
    }
    if (!Utf8.isText(text)) {
      throw new InvalidRecordException(field, Utf8.NO_TEXT, id);
    }
    return text;
  }
}
