package dev.headwater.bundle;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * One mapping of the manifest, read key by key. A problem is recorded with its key and a default is
 * returned, so that one pass finds all problems.
 */
final class Section {
  private final JsonNode node;
  private final String prefix;
  private final List<String> problems;
  private final Set<String> known = new TreeSet<>();

  Section(JsonNode node, String prefix, List<String> problems) {
    this.node = node;
    this.prefix = prefix;
    this.problems = problems;
    if (!node.isObject() && !node.isMissingNode()) {
      String where =
          prefix.isEmpty() ? "the manifest" : prefix.substring(0, prefix.length() - 1) + ":";
      problems.add(where + " must be a mapping");
    }
  }

  void problem(String key, String what) {
    problems.add(prefix + key + ": " + what);
  }

  private @Nullable JsonNode get(String key) {
    known.add(key);
    JsonNode value = node.get(key);
    return value == null || value.isNull() ? null : value;
  }

  boolean has(String key) {
    return get(key) != null;
  }

  Section section(String key) {
    if (!has(key)) {
      problem(key, "is missing");
    }
    return new Section(node.path(key), prefix + key + ".", problems);
  }

  /** Returns the elements of a non-empty list of mappings. */
  List<Section> sections(String key) {
    List<Section> sections = new ArrayList<>();
    for (JsonNode element : node.path(key)) {
      sections.add(
          new Section(element, "%s%s[%d].".formatted(prefix, key, sections.size()), problems));
    }
    if (sections.isEmpty() || !list(key)) {
      problem(key, "must be a non-empty list of mappings");
    }
    return sections;
  }

  @Nullable String text(String key) {
    JsonNode value = get(key);
    if (value == null) {
      return null;
    }
    if (!value.isValueNode() || value.asText().isBlank()) {
      problem(key, "must be non-blank text");
      return null;
    }
    return value.asText();
  }

  /** Reads one text or a list of texts. */
  List<String> texts(String key) {
    JsonNode value = get(key);
    if (value == null || !value.isArray()) {
      return List.of(required(key));
    }
    List<String> texts = new ArrayList<>();
    value.forEach(element -> texts.add(element.asText()));
    if (texts.isEmpty() || texts.stream().anyMatch(String::isBlank)) {
      problem(key, "must be a non-empty list of non-blank texts");
    }
    return texts;
  }

  String required(String key) {
    String value = text(key);
    if (value == null) {
      if (!has(key)) {
        problem(key, "is missing");
      }
      return "";
    }
    return value;
  }

  /** Reads the path of an existing file, relative to the directory. */
  Path file(String key, Path directory) {
    Path file = directory.resolve(required(key));
    if (has(key) && !Files.isRegularFile(file)) {
      problem(key, "file not found: " + file);
    }
    return file;
  }

  boolean flag(String key, boolean fallback) {
    JsonNode value = get(key);
    if (value != null && !value.isBoolean()) {
      problem(key, "must be true or false");
    }
    return value == null ? fallback : value.asBoolean(fallback);
  }

  int positive(String key, int fallback) {
    JsonNode value = get(key);
    if (value == null) {
      return fallback;
    }
    if (!value.isInt() || value.asInt() < 1) {
      problem(key, "must be an integer of at least 1");
      return fallback;
    }
    return value.asInt();
  }

  /** Reads one number or a list of numbers; empty if the key is absent. */
  float[] numbers(String key) {
    JsonNode value = get(key);
    if (value == null) {
      return new float[0];
    }
    float[] numbers = new float[value.isArray() ? value.size() : 1];
    for (int i = 0; i < numbers.length; i++) {
      JsonNode element = value.isArray() ? value.get(i) : value;
      numbers[i] = element.floatValue();
      if (!element.isNumber() || !Float.isFinite(numbers[i])) {
        problem(key, "must be a number or a list of numbers");
        return new float[0];
      }
    }
    return numbers;
  }

  /** Returns the index of the value in the choices; the first choice is the default. */
  int choice(String key, String... choices) {
    String value = text(key);
    int index = value == null ? 0 : List.of(choices).indexOf(value);
    if (index < 0) {
      problem(key, "invalid value '" + value + "', expected one of " + String.join(", ", choices));
    }
    return Math.max(0, index);
  }

  @Nullable String pointer(String key) {
    String value = text(key);
    return value == null ? null : checked(key, value);
  }

  /** Reads one JSON pointer or a list of them. */
  List<String> pointers(String key) {
    JsonNode value = get(key);
    if (value == null || !value.isArray()) {
      String one = pointer(key);
      return one == null ? List.of() : List.of(one);
    }
    List<String> pointers = new ArrayList<>();
    for (JsonNode element : value) {
      pointers.add(checked(key, element.asText()));
    }
    if (pointers.isEmpty()) {
      problem(key, "must not be empty");
    }
    return pointers;
  }

  boolean list(String key) {
    return node.path(key).isArray();
  }

  private String checked(String key, String pointer) {
    if (!pointer.startsWith("/")) {
      problem(key, "invalid JSON pointer '" + pointer + "': it must start with /, as in /user/id");
      return "/";
    }
    return JsonPointer.compile(pointer).toString();
  }

  /** Reports all keys that have not been read; call it last. */
  void rejectUnknownKeys() {
    node.fieldNames()
        .forEachRemaining(
            key -> {
              if (!known.contains(key)) {
                problem(key, "unknown key; valid keys: " + String.join(", ", known));
              }
            });
  }
}
