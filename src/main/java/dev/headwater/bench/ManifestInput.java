package dev.headwater.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a record's fields are, as the bundle's manifest says: for those who read records without
 * the bundle.
 *
 * @param idField of the record itself; empty where the manifest names none there
 * @param text JSON pointer; empty where the records are numbers
 * @param numbers JSON pointers: of one array, or of each number
 */
record ManifestInput(
    String idField,
    String text,
    Path tokenizer,
    int maxTokens,
    List<String> numbers,
    boolean array) {

  /**
   * @param directory what the paths in the manifest are relative to
   * @throws IllegalArgumentException where the records are neither text nor numbers in JSON
   */
  static ManifestInput read(Path manifest, Path directory) throws IOException {
    JsonNode input = new YAMLMapper().readTree(manifest.toFile()).path("input");
    JsonNode numbers = input.path("numbers");
    List<String> pointers = new ArrayList<>();
    if (numbers.isTextual()) {
      pointers.add(numbers.asText());
    } else {
      numbers.forEach(pointer -> pointers.add(pointer.asText()));
    }
    String text = input.path("text").asText("");
    boolean json = input.path("format").asText("json").equals("json");
    if (!json || (text.isEmpty() && pointers.isEmpty())) {
      throw new IllegalArgumentException(
          manifest + ": the bench wants records in JSON that bring a text or numbers");
    }
    String id = input.path("id").asText("");
    return new ManifestInput(
        id.lastIndexOf('/') == 0 ? id.substring(1) : "",
        text,
        directory.resolve(input.path("tokenizer").asText("")),
        input.path("max-tokens").asInt(128),
        pointers,
        numbers.isTextual());
  }
}
