package dev.headwater.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What was measured, under stable keys: {@code a.b} is field b of object a. */
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

  /** The median under the key, and all three under the same with {@code Spread} behind it. */
  void putMedian(String key, Spread spread) {
    put(key, spread.median());
    put(key + "Spread", spread);
  }

  /** What is under a key so far. */
  JsonNode at(String key) {
    return root.at("/" + key.replace('.', '/'));
  }

  /** Whether it tells more than where and with what settings anything was to be measured. */
  public boolean isBegun() {
    return root.properties().stream()
        .anyMatch(field -> !List.of("environment", "settings").contains(field.getKey()));
  }

  /** Writes it as JSON, making its directory where there is none. */
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
