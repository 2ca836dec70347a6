package dev.headwater.replay.traffic;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where a stream tells the true label for a task.
 *
 * @param field of a line; never sent with the record
 * @param names from the field's value to the label, where they are not the same; a value without
 *     one has no truth
 */
public record Truth(String field, Optional<Map<String, String>> names) {

  /** The field's value is the label. */
  public static Truth of(String field) {
    return new Truth(field, Optional.empty());
  }

  /**
   * The label is what a JSON object in this file has for the field's value.
   *
   * @throws IOException where it cannot be read
   */
  public static Truth mapped(String field, Path names) throws IOException {
    return new Truth(
        field,
        Optional.of(
            Json.MAPPER.readValue(names.toFile(), new TypeReference<Map<String, String>>() {})));
  }

  /** The field, where it holds the label itself. */
  public Optional<String> plainField() {
    return names.isPresent() ? Optional.empty() : Optional.of(field);
  }

  @Nullable String label(String value) {
    return names.isPresent() ? names.get().get(value) : value;
  }
}
