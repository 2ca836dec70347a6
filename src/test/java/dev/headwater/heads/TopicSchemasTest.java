package dev.headwater.heads;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SpecVersion;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.LabelReader;
import dev.headwater.schema.Estimate;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.JsonFields;
import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Reason;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.Verdict;
import dev.headwater.schema.format.ValueReader;
import java.io.IOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written on the JSON topics is what {@code schemas/} tells other people it is. */
class TopicSchemasTest {
  private static final Path SCHEMAS = Path.of("schemas");
  private static final JsonSchemaFactory FACTORY =
      JsonSchemaFactory.getInstance(
          SpecVersion.VersionFlag.V202012,
          builder ->
              builder.schemaMappers(
                  mappers ->
                      mappers.mapPrefix(
                          "https://headwater.dev/schemas/", SCHEMAS.toUri().toString())));

  /** How the topics write what is no record, list, map or enum. */
  private static final Map<Type, String> SIMPLE =
      Map.of(
          String.class, "string",
          Instant.class, "string",
          boolean.class, "boolean",
          int.class, "integer",
          long.class, "integer",
          double.class, "number",
          Double.class, "number");

  private static final Source SOURCE = new Source("records", 3, 41);
  private static final Scored SCORED = new Scored("red", .75);
  private static final Instant THEN = Instant.parse("2026-01-02T03:04:05.678Z");
  private static final HeadInfo INFO =
      new HeadInfo(
          "colour",
          2,
          1,
          List.of("red", "blue"),
          "b0b",
          THEN,
          "samples",
          "cpu",
          new Verdict(true, "it is better", 40, Map.of("effect", -.5)));

  static Stream<Arguments> written() {
    return Stream.of(
        Arguments.of("prediction", prediction("red", SCORED)),
        Arguments.of("prediction", prediction(null, null)),
        Arguments.of("prediction", mask()),
        Arguments.of("prediction", severalLabelsAndANumber()),
        Arguments.of("review", review(SCORED)),
        Arguments.of("review", review(null)),
        Arguments.of("label", new Label("r1", "colour", "red")),
        Arguments.of(
            "label-aliases", new LabelAliases("colour", Map.of("red", "blue"), Set.of("grey"))),
        Arguments.of("live-pointer", new LivePointer("colour", 7, 2, false, "cli", THEN)),
        Arguments.of(
            "live-pointer",
            new LivePointer("colour", 8, 2, false, "cli", THEN, new LivePointer.Canary(3, 0.1))),
        Arguments.of("head", new Manifest(1, 10, "0f".repeat(32), INFO)),
        Arguments.of("head", Manifest.withoutTensors(INFO)));
  }

  @ParameterizedTest
  @MethodSource("written")
  void whatIsWrittenFitsItsSchema(String schema, Object value) throws Exception {
    assertThat(schema(schema).validate(json(value))).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("written")
  void nothingRequiredMayBeLeftOut(String schema, Object value) throws Exception {
    List<RecordComponent> components = JsonFields.of(value.getClass()).toList();
    for (String field : names(components, component -> !JsonFields.mayBeAbsent(component))) {
      ObjectNode without = json(value);
      without.remove(field);

      assertThat(schema(schema).validate(without)).as(field).isNotEmpty();
    }
  }

  static Stream<Arguments> types() {
    return Stream.of(
        Arguments.of("prediction.json", Prediction.class),
        Arguments.of("review.json", ReviewItem.class),
        Arguments.of("label.json", Label.class),
        Arguments.of("label-aliases.json", LabelAliases.class),
        Arguments.of("live-pointer.json", LivePointer.class),
        Arguments.of("head.json", Manifest.class));
  }

  @ParameterizedTest
  @MethodSource("types")
  void everyFieldIsDescribedWithItsTypeAndNoOther(String file, Class<?> type) throws Exception {
    JsonNode document = Json.MAPPER.readTree(SCHEMAS.resolve(file).toFile());

    assertDescribes(file, document, document, type);
  }

  /** What Jackson makes of the type, all the way down. */
  private static void assertDescribes(String at, JsonNode document, JsonNode said, Type type)
      throws IOException {
    if (said.has("$ref")) {
      String[] reference = said.path("$ref").asText().split("#", 2);
      JsonNode there =
          reference[0].isEmpty()
              ? document
              : Json.MAPPER.readTree(SCHEMAS.resolve(reference[0]).toFile());
      assertDescribes(at, there, there.at(reference[1]), type);
    } else if (type instanceof ParameterizedType generic) {
      boolean map = generic.getRawType() == Map.class;
      Type[] of = generic.getActualTypeArguments();
      assertThat(said.path("type").asText()).as(at).isEqualTo(map ? "object" : "array");
      JsonNode inner = said.path(map ? "additionalProperties" : "items");
      assertDescribes(at + "/*", document, inner, of[of.length - 1]);
    } else if (((Class<?>) type).isEnum()) {
      assertThat(texts(said.path("enum")))
          .as(at)
          .containsExactlyInAnyOrderElementsOf(
              Stream.of(((Class<?>) type).getEnumConstants()).map(Object::toString).toList());
    } else if (((Class<?>) type).isRecord()) {
      assertDescribes(at, document, said, JsonFields.of((Class<?>) type).toList());
    } else {
      assertThat(said.path("type").asText()).as(at).isEqualTo(SIMPLE.get(type));
      assertThat(said.path("format").asText().equals("date-time"))
          .as(at)
          .isEqualTo(type == Instant.class);
    }
  }

  private static void assertDescribes(
      String at, JsonNode document, JsonNode said, List<RecordComponent> components)
      throws IOException {
    assertThat(said.path("type").asText()).as(at).isEqualTo("object");
    assertThat(said.path("properties").fieldNames())
        .toIterable()
        .as(at)
        .containsExactlyInAnyOrderElementsOf(names(components, component -> true));
    assertThat(texts(said.path("required")))
        .as(at)
        .containsExactlyInAnyOrderElementsOf(
            names(components, component -> !JsonFields.mayBeAbsent(component)));
    for (RecordComponent component : components) {
      JsonNode property = said.path("properties").path(component.getName());
      String where = at + "/" + component.getName();
      if (property.path("type").isArray()) {
        assertThat(texts(property.path("type"))).as("%s, read by hand", where).contains("string");
      } else {
        assertDescribes(where, document, property, component.getGenericType());
      }
    }
  }

  @ParameterizedTest
  @MethodSource("files")
  void everyJsonSchemaIsHeldByThisTest(String file) {
    assertThat(types().map(arguments -> arguments.get()[0])).contains(file);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          "red"            | red
          3                | 3
          2.5e-3           | 0.0025
          ["b", "a", "b"]  | ["a","b"]
          []               | []
          """)
  void everyLabelTheSchemaAllowsIsUnderstood(String label, String understood) throws Exception {
    String written =
        "{\"by\": \"me\", \"task\": \"t\", \"label\": %s, \"recordId\": \"r\"}".formatted(label);

    assertThat(schema("label").validate(Json.MAPPER.readTree(written))).isEmpty();
    assertThat(read(written)).isEqualTo(new Label("r", "t", understood));
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "{}", "\"\"", "[1]", "[[]]"})
  void whatTheSchemaForbidsIsNoLabelToTheStream(String label) throws Exception {
    String written = "{\"task\": \"t\", \"label\": %s, \"recordId\": \"r\"}".formatted(label);

    assertThat(schema("label").validate(Json.MAPPER.readTree(written))).isNotEmpty();
    assertThatThrownBy(() -> read(written))
        .isInstanceOfSatisfying(
            InvalidRecordException.class, e -> assertThat(e.field()).isEqualTo("/label"));
  }

  /** As the stream reads labels. */
  private static Label read(String written) throws InvalidRecordException {
    return LabelReader.read(ValueReader.JSON, written.getBytes(StandardCharsets.UTF_8));
  }

  static Stream<String> files() throws IOException {
    try (Stream<Path> files = Files.list(SCHEMAS)) {
      return files
          .map(f -> f.getFileName().toString())
          .filter(n -> n.endsWith(".json"))
          .toList()
          .stream();
    }
  }

  private static Prediction prediction(@Nullable String label, @Nullable Scored frozen) {
    List<Scored> top = label == null ? List.of() : List.of(SCORED);
    double confidence = label == null ? 0 : .75;
    return alone(new TaskPrediction("colour", label, confidence, top, 2, frozen));
  }

  private static Prediction mask() {
    Map<String, Double> shares = Map.of("red", .25, "blue", .75);
    return alone(new TaskPrediction("colour", .75, 2, "cafe", shares, .5, "cafe"));
  }

  private static Prediction severalLabelsAndANumber() {
    Estimate surely = new Estimate(2, 1.5, 2.5);
    TaskPrediction leading =
        new TaskPrediction(
            "colour",
            null,
            .75,
            List.of(),
            2,
            null,
            List.of("red", "blue"),
            surely,
            new Estimate(2, null, null));
    TaskPrediction other = new TaskPrediction("size", "big", .75, List.of(SCORED), 3, null);
    return new Prediction("r1", leading, SOURCE, List.of(other));
  }

  private static Prediction alone(TaskPrediction leading) {
    return new Prediction("r1", leading, SOURCE, null);
  }

  private static ReviewItem review(@Nullable Scored prediction) {
    Reason reason = prediction == null ? Reason.AUDIT : Reason.UNSURE;
    return new ReviewItem("r1", "colour", reason, "cafe", false, prediction, SOURCE);
  }

  private static JsonSchema schema(String name) {
    return FACTORY.getSchema(SchemaLocation.of("https://headwater.dev/schemas/" + name + ".json"));
  }

  private static ObjectNode json(Object value) throws IOException {
    return (ObjectNode) Json.MAPPER.readTree(Json.MAPPER.writeValueAsBytes(value));
  }

  private static List<String> names(
      List<RecordComponent> components, Predicate<RecordComponent> which) {
    return components.stream().filter(which).map(RecordComponent::getName).toList();
  }

  private static List<String> texts(JsonNode array) {
    List<String> texts = new ArrayList<>();
    array.forEach(each -> texts.add(each.asText()));
    return texts;
  }
}
