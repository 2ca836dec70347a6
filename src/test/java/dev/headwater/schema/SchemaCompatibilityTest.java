package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonPointer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
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
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The schemas against those of the last release. Avro by its own rules, both ways, for a topic
 * holds old values and has old readers. JSON Schema by three rules, however deep inside: nothing
 * described may go or change its type or its limits, nothing may become required, and of what is
 * only written nothing may cease to be so.
 */
class SchemaCompatibilityTest {
  private static final Path SCHEMAS = Path.of("schemas");

  /** What others write: more may be taken, so what was required may become optional. */
  private static final Set<String> READ = Set.of("label.json");

  /** What a schema that names no type takes. */
  private static final Set<String> TYPES =
      Set.of("string", "number", "integer", "boolean", "array", "object", "null");

  private static final List<String> LIMITS =
      List.of(
          "const",
          "format",
          "pattern",
          "minLength",
          "maxLength",
          "minimum",
          "maximum",
          "exclusiveMinimum",
          "exclusiveMaximum",
          "minItems",
          "maxItems",
          "uniqueItems",
          "contentEncoding",
          "contentMediaType");

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
    return json(Part.of(then), Part.of(now), READ.contains(then.getFileName().toString()));
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

  private static List<String> json(Part then, Part now, boolean read) {
    List<String> problems = new ArrayList<>();
    compare("", then, now, read, problems);
    return problems;
  }

  /** All the way down: the fields of objects, the elements of arrays, the values of maps. */
  private static void compare(String at, Part then, Part now, boolean read, List<String> problems) {
    if (!accepts(then, now, "type", TYPES, read) || !accepts(then, now, "enum", Set.of(), read)) {
      problems.add(at + " is of another type");
    }
    for (String limit : LIMITS) {
      JsonNode present = now.schema().path(limit);
      if (!present.equals(then.schema().path(limit)) && !(read && present.isMissingNode())) {
        problems.add(at + " has another " + limit);
      }
    }
    then.schema()
        .path("properties")
        .fieldNames()
        .forEachRemaining(
            field -> {
              if (now.schema().path("properties").has(field)) {
                String where = at + "/" + field;
                compare(where, then.property(field), now.property(field), read, problems);
              } else {
                problems.add(at + "/" + field + " is gone");
              }
            });
    for (String inner : List.of("items", "additionalProperties")) {
      if (then.schema().has(inner) || now.schema().has(inner)) {
        compare(at + "/*", then.to(inner), now.to(inner), read, problems);
      }
    }
    Set<String> wanted = texts(then, "required", Set.of());
    Set<String> wants = texts(now, "required", Set.of());
    if (!wanted.containsAll(wants)) {
      problems.add(at + " requires more: " + wants);
    }
    if (!read && !wants.containsAll(wanted)) {
      problems.add(at + " no longer promises " + wanted);
    }
  }

  /** Whether what was taken then is taken now; of what we write, nothing else either. */
  private static boolean accepts(Part then, Part now, String key, Set<String> any, boolean read) {
    Set<String> before = texts(then, key, any);
    Set<String> present = texts(now, key, any);
    return read
        ? present.equals(any) || !before.equals(any) && present.containsAll(before)
        : present.equals(before);
  }

  private static Set<String> texts(Part part, String key, Set<String> absent) {
    JsonNode said = part.schema().path(key);
    Set<String> texts = new HashSet<>();
    said.forEach(each -> texts.add(each.asText()));
    return said.isMissingNode() ? absent : said.isArray() ? texts : Set.of(said.asText());
  }

  /** A schema within its document and its release. */
  private record Part(Path file, JsonNode document, JsonNode schema) {
    static Part of(Path file) throws IOException {
      JsonNode document = Json.MAPPER.readTree(file.toFile());
      return new Part(file, document, document);
    }

    Part property(String field) {
      return new Part(file, document, schema.path("properties")).to(field);
    }

    /** Where a reference leads, if it is one. */
    Part to(String inner) {
      JsonNode there = schema.path(inner);
      if (!there.has("$ref")) {
        return new Part(file, document, there);
      }
      String[] reference = there.path("$ref").asText().split("#", 2);
      try {
        Part other = reference[0].isEmpty() ? this : of(file.resolveSibling(reference[0]));
        return new Part(other.file, other.document, other.document.at(reference[1]));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          label.json      | /properties                                            | {}                            | /task is gone
          label.json      | /properties/label/type                                 | "string"                      | /label is of another type
          label.json      | /properties/label/items/type                           | "number"                      | /label/* is of another type
          label.json      | /properties/recordId/minLength                         | 2                             | /recordId has another minLength
          label.json      | /required                                              | ["recordId", "label", "by"]   | requires more
          prediction.json | /required                                              | ["recordId"]                  | no longer promises
          prediction.json | /properties/top                                        | {"type": "array"}             | /top/* is of another type
          prediction.json | /$defs/source/properties                               | {"topic": {"type": "string"}} | /source/offset is gone
          prediction.json | /$defs/source/properties/offset/type                   | "string"                      | /source/offset is of another type
          prediction.json | /$defs/scored/required                                 | ["label"]                     | /top/* no longer promises
          prediction.json | /$defs/probability/maximum                             | 2                             | /shares/* has another maximum
          review.json     | /properties/reason/enum                                | ["UNSURE", "AUDIT"]           | /reason is of another type
          review.json     | /properties/source                                     | {"type": "string"}            | /source is of another type
          head.json       | /$defs/verdict/properties/numbers/additionalProperties | {"type": "string"}            | /info/verdict/numbers/* is of another type
          head.json       | /$defs/info/properties/labels/items                    | {}                            | /info/labels/* is of another type
          """)
  void theRulesSeeABreakHoweverDeep(String file, String at, String broken, String problem)
      throws Exception {
    boolean read = READ.contains(file);
    Part then = Part.of(SCHEMAS.resolve(file));
    assertThat(json(then, then, read)).isEmpty();

    JsonNode now = then.document().deepCopy();
    JsonPointer pointer = JsonPointer.compile(at);
    ((ObjectNode) now.at(pointer.head()))
        .set(pointer.last().getMatchingProperty(), Json.MAPPER.readTree(broken));
    assertThat(json(then, new Part(then.file(), now, now), read))
        .anySatisfy(found -> assertThat(found).contains(problem));
  }

  @Test
  void theRulesLetFieldsComeAndWhatIsReadBeLeftOut() throws Exception {
    Part then = Part.of(SCHEMAS.resolve("label.json"));
    ObjectNode now = then.document().deepCopy();
    ((ObjectNode) now.path("properties")).putObject("by").put("type", "string");
    assertThat(json(then, new Part(then.file(), now, now), false)).as("a new field").isEmpty();

    ((ArrayNode) now.path("required")).remove(0);
    ((ArrayNode) now.at("/properties/label/type")).add("boolean");
    assertThat(json(then, new Part(then.file(), now, now), true)).as("takes more").isEmpty();
    assertThat(json(then, new Part(then.file(), now, now), false)).as("promises less").hasSize(2);
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
