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
 * The ground truth of one record for one task. A later label for the same record replaces it.
 *
 * @param label as text; a number as its digits, several labels as a JSON array
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Label(String recordId, String task, String label) {

  /** Returns a string, a finite number or an array of strings as text; null for anything else. */
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

  /** Reads a label from a file of records: as {@link #text(JsonNode)}, and also true and false. */
  public static @Nullable String truth(@Nullable JsonNode label) {
    return label != null && label.isBoolean() ? label.asText() : text(label);
  }

  /** Returns several labels as text, independent of their order. */
  public static String text(Collection<String> names) {
    try {
      return Json.MAPPER.writeValueAsString(new TreeSet<>(names));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("failed to write strings as JSON", e);
    }
  }

  /** Parses the output of {@link #text(Collection)}; empty if the text is anything else. */
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
      return Optional.empty(); // a single label that happens to start with a bracket
    }
  }

  private static boolean isFinite(JsonNode label) {
    return label.isIntegralNumber() || (label.isNumber() && Double.isFinite(label.doubleValue()));
  }
}
