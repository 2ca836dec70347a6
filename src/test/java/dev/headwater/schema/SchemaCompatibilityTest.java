package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaCompatibility.SchemaCompatibilityType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The schemas against those of the last release. Avro by its own rules, both ways, for a topic
 * holds old values and has old readers. JSON Schema by three rules: nothing described may go or
 * change its type, nothing may become required, and of what is only written nothing may cease to be
 * so.
 */
class SchemaCompatibilityTest {
  private static final Path SCHEMAS = Path.of("schemas");

  /** What others write: more may be taken, so what was required may become optional. */
  private static final Set<String> READ = Set.of("label.json");

  @ParameterizedTest
  @MethodSource("released")
  void staysCompatibleWithTheLastRelease(Path then) throws Exception {
    Path now = SCHEMAS.resolve(then.getFileName());
    assertThat(now).as("a topic's schema does not go").exists();

    assertThat(problems(then, now)).isEmpty();
  }

  static Stream<Path> released() throws IOException {
    return list(last()).filter(f -> f.toString().matches(".*\\.(json|avsc)"));
  }

  private static Path last() throws IOException {
    return list(SCHEMAS.resolve("released"))
        .filter(Files::isDirectory)
        .max(Comparator.comparingInt(f -> Integer.parseInt(f.getFileName().toString())))
        .orElseThrow();
  }

  private static Stream<Path> list(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.sorted().toList().stream();
    }
  }

  private static List<String> problems(Path then, Path now) throws IOException {
    if (then.toString().endsWith(".avsc")) {
      return avro(
          new Schema.Parser().parse(then.toFile()), new Schema.Parser().parse(now.toFile()));
    }
    return json(
        Json.MAPPER.readTree(then.toFile()),
        Json.MAPPER.readTree(now.toFile()),
        READ.contains(then.getFileName().toString()));
  }

  private static List<String> avro(Schema then, Schema now) {
    List<String> problems = new ArrayList<>();
    if (!canRead(now, then)) {
      problems.add("what was written then cannot be read now");
    }
    if (!canRead(then, now)) {
      problems.add("what is written now cannot be read by who reads as then");
    }
    return problems;
  }

  private static boolean canRead(Schema reader, Schema writer) {
    return SchemaCompatibility.checkReaderWriterCompatibility(reader, writer).getType()
        == SchemaCompatibilityType.COMPATIBLE;
  }

  private static List<String> json(JsonNode then, JsonNode now, boolean read) {
    List<String> problems = new ArrayList<>();
    compare("", then, now, read, problems);
    then.path("$defs")
        .fields()
        .forEachRemaining(
            each ->
                compare(
                    "/$defs/" + each.getKey(),
                    each.getValue(),
                    now.path("$defs").path(each.getKey()),
                    read,
                    problems));
    return problems;
  }

  private static void compare(
      String at, JsonNode then, JsonNode now, boolean read, List<String> problems) {
    then.path("properties")
        .fields()
        .forEachRemaining(
            field -> {
              JsonNode present = now.path("properties").path(field.getKey());
              if (present.isMissingNode()) {
                problems.add(at + "/" + field.getKey() + " is gone");
              } else if (!types(present).containsAll(types(field.getValue()))
                  || !read && !types(field.getValue()).containsAll(types(present))) {
                problems.add(at + "/" + field.getKey() + " is of another type");
              }
            });
    Set<String> wanted = required(then);
    Set<String> wants = required(now);
    if (!wanted.containsAll(wants)) {
      problems.add(at + " requires more: " + wants);
    }
    if (!read && !wants.containsAll(wanted)) {
      problems.add(at + " no longer promises " + wanted);
    }
  }

  private static Set<String> types(JsonNode field) {
    Set<String> types = new HashSet<>();
    for (String key : List.of("type", "$ref", "enum")) {
      JsonNode said = field.path(key);
      if (said.isArray()) {
        said.forEach(each -> types.add(key + each.asText()));
      } else if (!said.isMissingNode()) {
        types.add(key + said.asText());
      }
    }
    return types;
  }

  private static Set<String> required(JsonNode schema) {
    Set<String> required = new HashSet<>();
    schema.path("required").forEach(name -> required.add(name.asText()));
    return required;
  }

  @Test
  void theRulesSeeEveryBreakOfAJsonSchema() throws Exception {
    JsonNode then = Json.MAPPER.readTree(SCHEMAS.resolve("label.json").toFile());
    assertThat(json(then, then, true)).isEmpty();

    ObjectNode gone = then.deepCopy();
    ((ObjectNode) gone.path("properties")).remove("task");
    assertThat(json(then, gone, true)).contains("/task is gone");

    ObjectNode narrower = then.deepCopy();
    ((ObjectNode) narrower.at("/properties/label")).put("type", "string");
    assertThat(json(then, narrower, true)).contains("/label is of another type");

    ObjectNode stricter = then.deepCopy();
    ((ObjectNode) stricter.path("properties")).putObject("by").put("type", "string");
    assertThat(json(then, stricter, true)).as("a new field is no break").isEmpty();
    ((ArrayNode) stricter.path("required")).add("by");
    assertThat(json(then, stricter, true)).singleElement().asString().contains("requires more");

    ObjectNode laxer = then.deepCopy();
    ((ArrayNode) laxer.path("required")).remove(0);
    assertThat(json(then, laxer, true)).as("taken without it").isEmpty();
    assertThat(json(then, laxer, false)).singleElement().asString().contains("no longer promises");
  }

  @Test
  void theRulesSeeABreakOfAnAvroSchema() throws Exception {
    String then = Files.readString(SCHEMAS.resolve("prediction.avsc"));
    Schema old = new Schema.Parser().parse(then);

    assertThat(avro(old, new Schema.Parser().parse(then.replace("\"headVersion\"", "\"version\""))))
        .hasSize(2);
    assertThat(
            avro(
                old,
                new Schema.Parser()
                    .parse(
                        then.replace(
                            "{\"name\": \"task\"",
                            "{\"name\": \"new\", \"type\": \"int\", \"default\": 0}, {\"name\":"
                                + " \"task\""))))
        .isEmpty();
  }
}
