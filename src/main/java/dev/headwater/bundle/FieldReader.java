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
 * Extracts the configured fields of a JSON document (RFC 8259) or an Avro record in one pass over
 * its bytes. Fields are addressed by JSON pointers (RFC 6901); other fields are skipped.
 * Thread-safe.
 */
final class FieldReader {
  /** The purpose of a field, which determines its expected type. */
  private enum Role {
    ID,
    LABEL,
    TEXT,
    NUMBERS,
    NUMBER
  }

  /**
   * A field to extract.
   *
   * @param index index of the number, or of the task that the label belongs to; 0 for other roles
   * @param slot position in the list of all targets
   */
  private record Target(Role role, String pointer, int index, int slot, Kind kind) {}

  /** A node of the tree of target paths: its children by name, and the target at this path. */
  private static final class PathNode {
    final Map<String, PathNode> children = new HashMap<>();
    @Nullable Target target;
  }

  /**
   * The extracted fields of one document; fields that are not configured are null or empty.
   *
   * @param labels by task index
   * @param bytes value of an Avro {@code bytes} field, in place of {@code text}
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Fields(
      @Nullable String id,
      List<@Nullable String> labels,
      @Nullable String text,
      byte @Nullable [] bytes,
      float[] numbers) {}

  private final PathNode root = new PathNode();
  private final List<Target> targets = new ArrayList<>();
  private final int width;
  private final int tasks;

  /**
   * @param labels by task index
   * @param numbers one pointer to an array of {@code width} numbers, or {@code width} pointers to
   *     one number each; empty if no numbers are extracted
   */
  FieldReader(
      @Nullable String id,
      List<LabelField> labels,
      @Nullable String text,
      List<String> numbers,
      boolean array,
      int width) {
    this.width = width;
    addTarget(Role.ID, id, 0);
    for (int task = 0; task < labels.size(); task++) {
      addTarget(Role.LABEL, labels.get(task).pointer(), task, labels.get(task).kind());
    }
    tasks = labels.size();
    addTarget(Role.TEXT, text, 0);
    for (int i = 0; i < numbers.size(); i++) {
      addTarget(array ? Role.NUMBERS : Role.NUMBER, numbers.get(i), i);
    }
  }

  /** Returns a reader of one text with its id and labels; null if the whole value is the text. */
  static @Nullable FieldReader ofText(
      @Nullable String id, List<LabelField> labels, @Nullable String text) {
    return text == null ? null : new FieldReader(id, labels, text, List.of(), false, 0);
  }

  private void addTarget(Role role, @Nullable String pointer, int index) {
    addTarget(role, pointer, index, new Kind.OneLabel());
  }

  private void addTarget(Role role, @Nullable String pointer, int index, Kind kind) {
    if (pointer == null) {
      return;
    }
    PathNode node = root;
    for (JsonPointer p = JsonPointer.compile(pointer); !p.matches(); p = p.tail()) {
      node = node.children.computeIfAbsent(p.getMatchingProperty(), name -> new PathNode());
    }
    Target target = new Target(role, pointer, index, targets.size(), kind);
    node.target = target;
    targets.add(target);
  }

  /**
   * @throws InvalidRecordException if the value is not in this format, or a configured field is
   *     missing, duplicated, or of the wrong type
   */
  Fields read(ValueReader values, byte @Nullable [] value) throws InvalidRecordException {
    byte[] present = values.format() == Format.JSON ? Utf8.check(value) : Utf8.present(value);
    return new Pass(targets, tasks, width).run(values, present, root);
  }

  /** Reads a JSON value. */
  Fields read(byte @Nullable [] value) throws InvalidRecordException {
    return read(ValueReader.JSON, value);
  }

  /**
   * One pass over one document. It keeps the first problem and goes on, so that the record's id is
   * known even if it follows the invalid field.
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

    Fields run(ValueReader values, byte[] value, PathNode root) throws InvalidRecordException {
      try (JsonParser parser = values.open(value)) {
        parser.nextToken();
        walk(parser, root);
        if (parser.nextToken() != null) {
          problem(WHOLE, "has trailing data after its %s value".formatted(name(values)));
        }
      } catch (JsonProcessingException e) {
        // the parser's message quotes the payload, which must not reach a log
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
        case AVRO -> "Avro for its schema";
      };
    }

    private static String where(JsonProcessingException e) {
      if (e instanceof JsonEOFException) {
        return ": unexpected end";
      }
      JsonLocation at = e.getLocation();
      return at == null ? "" : ": error at byte " + Math.max(0, at.getByteOffset());
    }

    private void problem(String field, String cause) {
      if (problemField == null) {
        problemField = field;
        problemCause = cause;
      }
    }

    /** Consumes the current value of the parser. */
    private void walk(JsonParser parser, PathNode node) throws IOException {
      if (node.target != null) {
        readTarget(parser, node.target);
      } else if (parser.currentToken() == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          PathNode child = node.children.get(parser.currentName());
          parser.nextToken();
          walkOrSkip(parser, child);
        }
      } else if (parser.currentToken() == JsonToken.START_ARRAY) {
        for (int i = 0; parser.nextToken() != JsonToken.END_ARRAY; i++) {
          walkOrSkip(parser, node.children.get(Integer.toString(i)));
        }
      }
    }

    private void walkOrSkip(JsonParser parser, @Nullable PathNode child) throws IOException {
      if (child == null) {
        parser.skipChildren();
      } else {
        walk(parser, child);
      }
    }

    private void readTarget(JsonParser parser, Target target) throws IOException {
      if (seen[target.slot()]) {
        problem(target.pointer(), "is duplicated");
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
      problem(target.pointer(), "is " + kind(parser.currentToken()) + ", expected a number");
      parser.skipChildren();
      return null;
    }

    private @Nullable String names(JsonParser parser, Target target) throws IOException {
      if (parser.currentToken() != JsonToken.START_ARRAY) {
        problem(
            target.pointer(),
            "is " + kind(parser.currentToken()) + ", expected an array of labels");
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

    /** Reads an id or a label: a string, or an integer as its decimal text. */
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
      problem(target.pointer(), "is " + kind(parser.currentToken()) + ", expected a string");
      parser.skipChildren();
      return null;
    }

    private void array(JsonParser parser, Target target) throws IOException {
      if (parser.currentToken() != JsonToken.START_ARRAY) {
        problem(
            target.pointer(),
            "is " + kind(parser.currentToken()) + ", expected an array of numbers");
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
        problem(target.pointer(), "has " + count + " numbers, the model expects " + numbers.length);
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
        problem(field, "is " + kind(parser.currentToken()) + ", expected a number");
        parser.skipChildren();
        return 0;
      }
      float number = parser.getFloatValue();
      if (!Float.isFinite(number)) {
        problem(
            field,
            parser.isNaN() ? "is " + parser.getText() : "is outside the range of a 32-bit float");
      }
      return number;
    }
  }

  /** Describes a value by its first token, for error messages. */
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
