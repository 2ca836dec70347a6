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
 * One mapping of the manifest, read key by key. A problem is noted with its key and a harmless
 * value returned, so that one reading finds them all.
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
      problems.add((prefix.isEmpty() ? "the manifest" : prefix + "it") + " must be a mapping");
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

  /** The elements of a list of mappings, one at least. */
  List<Section> sections(String key) {
    List<Section> sections = new ArrayList<>();
    for (JsonNode element : node.path(key)) {
      sections.add(
          new Section(element, "%s%s[%d].".formatted(prefix, key, sections.size()), problems));
    }
    if (sections.isEmpty() || !list(key)) {
      problem(key, "must be a list of mappings, not an empty one");
    }
    return sections;
  }

  @Nullable String text(String key) {
    JsonNode value = get(key);
    if (value == null) {
      return null;
    }
    if (!value.isValueNode() || value.asText().isBlank()) {
      problem(key, "must be text");
      return null;
    }
    return value.asText();
  }

  /** One text, or a list of them. */
  List<String> texts(String key) {
    JsonNode value = get(key);
    if (value == null || !value.isArray()) {
      return List.of(required(key));
    }
    List<String> texts = new ArrayList<>();
    value.forEach(element -> texts.add(element.asText()));
    if (texts.isEmpty() || texts.stream().anyMatch(String::isBlank)) {
      problem(key, "must be a list of texts, none of them blank");
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

  /** An existing file, relative to the directory; the directory itself where there is none. */
  Path file(String key, Path directory) {
    Path file = directory.resolve(required(key));
    if (has(key) && !Files.isRegularFile(file)) {
      problem(key, "there is no file " + file);
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
      problem(key, "must be a whole number of at least 1");
      return fallback;
    }
    return value.asInt();
  }

  /** One number, or a list of them; none where the key is absent. */
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

  /** The index of the value among the choices; the first is the default. */
  int choice(String key, String... choices) {
    String value = text(key);
    int index = value == null ? 0 : List.of(choices).indexOf(value);
    if (index < 0) {
      problem(key, "is '" + value + "', must be one of " + String.join(", ", choices));
    }
    return Math.max(0, index);
  }

  @Nullable String pointer(String key) {
    String value = text(key);
    return value == null ? null : checked(key, value);
  }

  /** One pointer, or a list of them. */
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
      problem(key, "is an empty list");
    }
    return pointers;
  }

  boolean list(String key) {
    return node.path(key).isArray();
  }

  private String checked(String key, String pointer) {
    if (!pointer.startsWith("/")) {
      problem(key, "'" + pointer + "' is no JSON pointer: one starts with /, as in /user/id");
      return "/";
    }
    return JsonPointer.compile(pointer).toString();
  }

  /** To be called once every key has been asked for. */
  void refuseOthers() {
    node.fieldNames()
        .forEachRemaining(
            key -> {
              if (!known.contains(key)) {
                problem(key, "is no key here; the keys are " + String.join(", ", known));
              }
            });
  }
}
