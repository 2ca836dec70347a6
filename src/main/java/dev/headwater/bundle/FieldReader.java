package dev.headwater.bundle;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.io.JsonEOFException;
import dev.headwater.bundle.Manifest.LabelField;
import dev.headwater.schema.Label;
import dev.headwater.schema.format.Format;
import dev.headwater.schema.format.UnreadableValueException;
import dev.headwater.schema.format.ValueReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the wanted fields of a value in one pass over its bytes, building nothing of the rest: of a
 * JSON document (RFC 8259) or of an Avro record, either by JSON pointers (RFC 6901). Thread-safe.
 */
final class FieldReader {
  /** What a wanted field is for, and so what it must be. */
  private enum Role {
    ID,
    LABEL,
    TEXT,
    NUMBERS,
    NUMBER
  }

  /**
   * @param index of the number or of the task whose label it gives, 0 for other roles
   * @param slot its place among all targets
   */
  private record Target(Role role, String pointer, int index, int slot, Kind kind) {}

  /** A step on the way to the targets: the fields to look into, and what is wanted here. */
  private static final class Step {
    final Map<String, Step> children = new HashMap<>();
    @Nullable Target target;
  }

  /**
   * The wanted fields of one document; those not asked for are null or empty.
   *
   * @param labels by task
   * @param bytes in place of the text, of Avro's bytes
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Fields(
      @Nullable String id,
      List<@Nullable String> labels,
      @Nullable String text,
      byte @Nullable [] bytes,
      float[] numbers) {}

  private final Step root = new Step();
  private final List<Target> targets = new ArrayList<>();
  private final int width;
  private final int tasks;

  /**
   * @param labels by task
   * @param numbers one pointer to an array of {@code width} numbers, or {@code width} pointers to
   *     one number each; empty where no numbers are wanted
   */
  FieldReader(
      @Nullable String id,
      List<LabelField> labels,
      @Nullable String text,
      List<String> numbers,
      boolean array,
      int width) {
    this.width = width;
    want(Role.ID, id, 0);
    for (int task = 0; task < labels.size(); task++) {
      want(Role.LABEL, labels.get(task).pointer(), task, labels.get(task).kind());
    }
    tasks = labels.size();
    want(Role.TEXT, text, 0);
    for (int i = 0; i < numbers.size(); i++) {
      want(array ? Role.NUMBERS : Role.NUMBER, numbers.get(i), i);
    }
  }

  /** For one text with its id and labels; null where the whole value is the text. */
  static @Nullable FieldReader ofText(
      @Nullable String id, List<LabelField> labels, @Nullable String text) {
    return text == null ? null : new FieldReader(id, labels, text, List.of(), false, 0);
  }

  private void want(Role role, @Nullable String pointer, int index) {
    want(role, pointer, index, new Kind.OneLabel());
  }

  private void want(Role role, @Nullable String pointer, int index, Kind kind) {
    if (pointer == null) {
      return;
    }
    Step step = root;
    for (JsonPointer p = JsonPointer.compile(pointer); !p.matches(); p = p.tail()) {
      step = step.children.computeIfAbsent(p.getMatchingProperty(), name -> new Step());
    }
    Target target = new Target(role, pointer, index, targets.size(), kind);
    step.target = target;
    targets.add(target);
  }

  /**
   * @throws InvalidRecordException where the bytes are no value of that form, or a wanted field is
   *     missing, given twice, or not what it must be
   */
  Fields read(ValueReader values, byte @Nullable [] value) throws InvalidRecordException {
    byte[] present = values.format() == Format.JSON ? Utf8.check(value) : Utf8.present(value);
    return new Pass(targets, tasks, width).over(values, present, root);
  }

  /** The same of JSON. */
  Fields read(byte @Nullable [] value) throws InvalidRecordException {
    return read(ValueReader.JSON, value);
  }

  /**
   * One pass over one document. The first problem is kept and the pass goes on, so that the
   * record's id is known even where it comes after the field at fault.
   */
  private static final class Pass {
    private static final String WHOLE = "value";

    private final List<Target> targets;
    private final float[] numbers;
    private final boolean[] seen;
    private @Nullable String id;
    private final @Nullable String[] labels;
    private @Nullable String text;
    private byte @Nullable [] bytes;
    private @Nullable String problemField;
    private String problemCause = "";

    Pass(List<Target> targets, int tasks, int width) {
      this.targets = targets;
      labels = new String[tasks];
      numbers = new float[width];
      seen = new boolean[targets.size()];
    }

    Fields over(ValueReader values, byte[] value, Step root) throws InvalidRecordException {
      try (JsonParser parser = values.open(value)) {
        parser.nextToken();
        walk(parser, root);
        if (parser.nextToken() != null) {
          problem(WHOLE, "goes on after its %s value has ended".formatted(name(values)));
        }
      } catch (JsonProcessingException e) {
        // not the parser's own words: they quote the payload, which must not reach a log
        throw new InvalidRecordException(
            WHOLE, "is not valid %s%s".formatted(name(values), where(e)), id);
      } catch (UnreadableValueException e) {
        throw new InvalidRecordException(WHOLE, String.valueOf(e.getMessage()), id);
      } catch (IOException e) {
        throw new UncheckedIOException("reading an array of bytes cannot fail", e);
      }
      for (Target target : targets) {
        if (target.role() != Role.LABEL && !seen[target.slot()]) {
          problem(target.pointer(), "is missing");
        }
      }
      if (problemField != null) {
        throw new InvalidRecordException(problemField, problemCause, id);
      }
      return new Fields(id, Arrays.asList(labels), text, bytes, numbers);
    }

    private static String name(ValueReader values) {
      return switch (values.format()) {
        case JSON -> "JSON";
        case AVRO -> "Avro of its schema";
      };
    }

    private static String where(JsonProcessingException e) {
      if (e instanceof JsonEOFException) {
        return ": it ends too early";
      }
      JsonLocation at = e.getLocation();
      return at == null ? "" : ": stopped at byte " + Math.max(0, at.getByteOffset());
    }

    private void problem(String field, String cause) {
      if (problemField == null) {
        problemField = field;
        problemCause = cause;
      }
    }

    /** Consumes the value the parser stands on, whatever it is. */
    private void walk(JsonParser parser, Step step) throws IOException {
      if (step.target != null) {
        take(parser, step.target);
      } else if (parser.currentToken() == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          Step child = step.children.get(parser.currentName());
          parser.nextToken();
          walkOrSkip(parser, child);
        }
      } else if (parser.currentToken() == JsonToken.START_ARRAY) {
        for (int i = 0; parser.nextToken() != JsonToken.END_ARRAY; i++) {
          walkOrSkip(parser, step.children.get(Integer.toString(i)));
        }
      }
    }

    private void walkOrSkip(JsonParser parser, @Nullable Step child) throws IOException {
      if (child == null) {
        parser.skipChildren();
      } else {
        walk(parser, child);
      }
    }

    private void take(JsonParser parser, Target target) throws IOException {
      if (seen[target.slot()]) {
        problem(target.pointer(), "is given twice");
        parser.skipChildren();
        return;
      }
      seen[target.slot()] = true;
      switch (target.role()) {
        case ID -> id = name(parser, target);
        case LABEL ->
            labels[target.index()] =
                parser.currentToken() == JsonToken.VALUE_NULL ? null : label(parser, target);
        case TEXT -> {
          if (parser.currentToken() == JsonToken.VALUE_EMBEDDED_OBJECT) {
            bytes = parser.getBinaryValue();
          } else {
            text = text(parser, target);
          }
        }
        case NUMBER -> numbers[target.index()] = number(parser, target.pointer());
        case NUMBERS -> array(parser, target);
      }
    }

    private @Nullable String label(JsonParser parser, Target target) throws IOException {
      if (target.kind() instanceof Kind.LabelSet) {
        return names(parser, target);
      }
      if (!(target.kind() instanceof Kind.Quantity)) {
        return name(parser, target);
      }
      if (parser.currentToken().isNumeric()) {
        return parser.getText();
      }
      problem(target.pointer(), "is " + kind(parser.currentToken()) + " where a number is wanted");
      parser.skipChildren();
      return null;
    }

    private @Nullable String names(JsonParser parser, Target target) throws IOException {
      if (parser.currentToken() != JsonToken.START_ARRAY) {
        problem(
            target.pointer(),
            "is " + kind(parser.currentToken()) + " where an array of labels is wanted");
        parser.skipChildren();
        return null;
      }
      List<String> names = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        String name = name(parser, target);
        if (name != null) {
          names.add(name);
        }
      }
      return Label.text(names);
    }

    /** An id or a label: a string, or a whole number as its decimal text. */
    private @Nullable String name(JsonParser parser, Target target) throws IOException {
      if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
        return parser.getText();
      }
      String name = text(parser, target);
      if (name != null && (name.isBlank() || !Utf8.isText(name))) {
        problem(target.pointer(), name.isBlank() ? "is blank" : Utf8.NO_TEXT);
        return null;
      }
      return name;
    }

    private @Nullable String text(JsonParser parser, Target target) throws IOException {
      if (parser.currentToken() == JsonToken.VALUE_STRING) {
        return parser.getText();
      }
      problem(target.pointer(), "is " + kind(parser.currentToken()) + " where a string is wanted");
      parser.skipChildren();
      return null;
    }

    private void array(JsonParser parser, Target target) throws IOException {
      if (parser.currentToken() != JsonToken.START_ARRAY) {
        problem(
            target.pointer(),
            "is " + kind(parser.currentToken()) + " where an array of numbers is wanted");
        parser.skipChildren();
        return;
      }
      int count = 0;
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        if (count < numbers.length) {
          numbers[count] = element(parser, target.pointer(), count);
        } else {
          parser.skipChildren();
        }
        count++;
      }
      if (count != numbers.length) {
        problem(target.pointer(), "has " + count + " numbers, the network wants " + numbers.length);
      }
    }

    private float element(JsonParser parser, String pointer, int index) throws IOException {
      if (parser.currentToken().isNumeric()) {
        float number = parser.getFloatValue();
        if (Float.isFinite(number)) {
          return number;
        }
      }
      return number(parser, pointer + "/" + index);
    }

    private float number(JsonParser parser, String field) throws IOException {
      if (!parser.currentToken().isNumeric()) {
        problem(field, "is " + kind(parser.currentToken()) + " where a number is wanted");
        parser.skipChildren();
        return 0;
      }
      float number = parser.getFloatValue();
      if (!Float.isFinite(number)) {
        problem(field, parser.isNaN() ? "is " + parser.getText() : "is beyond a 32-bit float");
      }
      return number;
    }
  }

  /** What a value is, in words; of a collection by how it begins. */
  static String kind(JsonToken value) {
    return switch (value) {
      case VALUE_NULL -> "null";
      case VALUE_STRING -> "a string";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case START_ARRAY -> "an array";
      case VALUE_EMBEDDED_OBJECT -> "bytes";
      default -> "an object";
    };
  }
}
