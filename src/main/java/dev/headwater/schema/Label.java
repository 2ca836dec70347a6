package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The truth about one record for one task; a later one for the same record corrects it.
 *
 * @param label as text: of a number its digits, of several labels a JSON array
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Label(String recordId, String task, String label) {

  /** A string, a finite number or an array of strings as text; null where it is something else. */
  public static @Nullable String text(@Nullable JsonNode label) {
    if (label == null || !label.isArray()) {
      return label != null && (label.isTextual() || isFinite(label)) ? label.asText() : null;
    }
    List<String> names = new ArrayList<>();
    for (JsonNode name : label) {
      if (!name.isTextual()) {
        return null;
      }
      names.add(name.textValue());
    }
    return text(names);
  }

  /** As {@link #text(JsonNode)} of a file of records, in which true and false are labels too. */
  public static @Nullable String truth(@Nullable JsonNode label) {
    return label != null && label.isBoolean() ? label.asText() : text(label);
  }

  /** Several labels as text, the same for the same labels in whatever order. */
  public static String text(Collection<String> names) {
    try {
      return Json.MAPPER.writeValueAsString(new TreeSet<>(names));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("strings can be written as JSON", e);
    }
  }

  /** What {@link #text(Collection)} wrote; empty where the text is something else. */
  public static Optional<List<String>> names(String text) {
    if (!text.startsWith("[")) {
      return Optional.empty();
    }
    try {
      List<String> names = new ArrayList<>();
      for (JsonNode name : Json.MAPPER.readTree(text)) {
        if (!name.isTextual()) {
          return Optional.empty();
        }
        names.add(name.textValue());
      }
      return Optional.of(names);
    } catch (JsonProcessingException e) {
      return Optional.empty(); // a label that happens to begin so
    }
  }

  private static boolean isFinite(JsonNode label) {
    return label.isIntegralNumber() || (label.isNumber() && Double.isFinite(label.doubleValue()));
  }
}
