package dev.headwater.replay.traffic;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The source of the ground truth for a task.
 *
 * @param field field of a line, removed before the record is sent
 * @param names mapping from the value of the field to the label; empty if the value is the label.
 *     Records with an unmapped value have no ground truth
 */
public record Truth(String field, Optional<Map<String, String>> names) {

  /** Returns a source whose field holds the label. */
  public static Truth of(String field) {
    return new Truth(field, Optional.empty());
  }

  /**
   * Returns a source that maps the value of the field to a label with a JSON object from a file.
   *
   * @throws IOException if the file cannot be read
   */
  public static Truth mapped(String field, Path names) throws IOException {
    return new Truth(
        field,
        Optional.of(
            Json.MAPPER.readValue(names.toFile(), new TypeReference<Map<String, String>>() {})));
  }

  /** Returns the field, if it holds the label itself. */
  public Optional<String> plainField() {
    return names.isPresent() ? Optional.empty() : Optional.of(field);
  }

  @Nullable String label(String value) {
    return names.isPresent() ? names.get().get(value) : value;
  }
}
