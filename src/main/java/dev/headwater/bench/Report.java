package dev.headwater.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The results under stable keys: {@code a.b} is field b of object a. */
public final class Report {
  private final ObjectNode root = Json.MAPPER.createObjectNode();

  void put(String key, Object value) {
    ObjectNode object = root;
    String[] steps = key.split("\\.", -1);
    for (int i = 0; i < steps.length - 1; i++) {
      object = object.withObjectProperty(steps[i]);
    }
    object.set(steps[steps.length - 1], Json.MAPPER.valueToTree(value));
  }

  /** Adds the median under the key, and the whole spread under the key plus {@code Spread}. */
  void putMedian(String key, Spread spread) {
    put(key, spread.median());
    put(key + "Spread", spread);
  }

  /** Returns the current value of a key. */
  JsonNode at(String key) {
    return root.at("/" + key.replace('.', '/'));
  }

  /** Returns whether there is any result besides the environment and the settings. */
  public boolean isBegun() {
    return root.properties().stream()
        .anyMatch(field -> !List.of("environment", "settings").contains(field.getKey()));
  }

  /** Writes the report as JSON, creating the directory if needed. */
  public void write(Path file) throws IOException {
    Path parent = file.toAbsolutePath().getParent();
    if (parent != null) {
      Files.createDirectories(parent);
    }
    Files.writeString(file, this + "\n");
  }

  @Override
  public String toString() {
    return root.toPrettyString();
  }
}
