package dev.headwater.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The input section of a bundle manifest, for variants that read records without the bundle.
 *
 * @param idField top-level field of the record id; empty if the manifest has none
 * @param text JSON pointer of the text; empty if the records are numeric
 * @param numbers JSON pointers: one of an array, or one per number
 * @param array whether {@code numbers} is the pointer of one array
 */
record ManifestInput(
    String idField,
    String text,
    Path tokenizer,
    int maxTokens,
    List<String> numbers,
    boolean array) {

  /**
   * Reads a manifest.
   *
   * @param directory directory that the paths in the manifest are relative to
   * @throws IllegalArgumentException if the records are neither text nor numbers in JSON
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
          manifest
              + ": unsupported input; the benchmark requires JSON records with text or numbers");
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
