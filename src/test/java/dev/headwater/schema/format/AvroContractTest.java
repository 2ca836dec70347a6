package dev.headwater.schema.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.LabelReader;
import dev.headwater.schema.Estimate;
import dev.headwater.schema.Json;
import dev.headwater.schema.JsonFields;
import dev.headwater.schema.JsonSerde;
import dev.headwater.schema.Label;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import java.io.ByteArrayOutputStream;
import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.Serde;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What goes over a registry is what {@code schemas/*.avsc} say, byte for byte. */
class AvroContractTest {
  private static final Source SOURCE = new Source("records", 3, 41);
  private static final Scored SCORED = new Scored("red", .75);

  private final RegistryStub registry = new RegistryStub();
  private final Formats formats =
      new Formats(Format.AVRO, Format.AVRO, Format.AVRO, registry.settings());
  private final Serde<Prediction> predictions =
      formats.predictions(Prediction.class, new JsonSerde<>(Prediction.class));
  private final Serde<Label> labels = formats.labels(Label.class, new JsonSerde<>(Label.class));

  @AfterEach
  void close() {
    registry.close();
  }

  static Stream<Prediction> predictions() {
    List<TaskPrediction> tasks = tasks().toList();
    return Stream.concat(
        tasks.stream().map(task -> new Prediction("r1", task, SOURCE, null)),
        Stream.of(Prediction.of("r1", SOURCE, tasks)));
  }

  private static Stream<TaskPrediction> tasks() {
    return Stream.of(
        new TaskPrediction("colour", "red", .75, List.of(SCORED), 2, SCORED),
        new TaskPrediction("colour", null, 0, List.of(), 0, null),
        new TaskPrediction("pixels", .875, 2, "cafe", Map.of("a", 1.0), .5, "ca"),
        new TaskPrediction(
            "size",
            null,
            .875,
            List.of(),
            2,
            null,
            List.of("a", "b"),
            new Estimate(2, 1.0, 3.0),
            new Estimate(2, null, null)));
  }

  @ParameterizedTest
  @MethodSource("predictions")
  void aPredictionIsAZeroByteTheIdAndTheSchemasBinary(Prediction prediction) throws Exception {
    byte[] written = predictions.serializer().serialize("p", prediction);

    ByteBuffer bytes = ByteBuffer.wrap(written);
    assertThat(bytes.get()).isZero();
    assertThat(bytes.getInt()).as("big-endian").isEqualTo(registry.add(schema("prediction")));
    GenericRecord read = read(schema("prediction"), written);
    assertThat(read.get("recordId")).hasToString("r1");
    assertThat(read.get("headVersion")).isEqualTo(prediction.leading().headVersion());
    assertThat(Json.MAPPER.readTree(read.toString()))
        .as("as in JSON, and null where that is absent")
        .isEqualTo(withNulls(prediction));
    assertThat(predictions.deserializer().deserialize("p", written)).isEqualTo(prediction);
  }

  @Test
  void theSchemaIsRegisteredOnceForItsTopic() {
    Prediction prediction = predictions().findFirst().orElseThrow();
    predictions.serializer().serialize("p/q r", prediction);
    predictions.serializer().serialize("p/q r", prediction);

    assertThat(registry.requests).containsExactly("POST /subjects/p/q r-value/versions");
  }

  @Test
  void everyLabelTheSchemaAllowsIsUnderstood() throws Exception {
    assertThat(understood("red")).isEqualTo(new Label("r1", "colour", "red"));
    assertThat(understood(2.5)).isEqualTo(new Label("r1", "colour", "2.5"));
    assertThat(understood(List.of("b", "a"))).isEqualTo(new Label("r1", "colour", "[\"a\",\"b\"]"));
    assertThat(understood(List.of())).isEqualTo(new Label("r1", "colour", "[]"));
  }

  @Test
  void aLabelOfAnotherSchemaWithTheseFieldsIsUnderstood() throws Exception {
    Schema own =
        new Schema.Parser()
            .parse(
                """
                {"type": "record", "name": "Own", "fields": [
                  {"name": "by", "type": "string"}, {"name": "task", "type": "string"},
                  {"name": "label", "type": ["null", "long"]}, {"name": "recordId", "type": "string"}]}
                """);
    GenericRecord record =
        new GenericRecordBuilder(own)
            .set("by", "me")
            .set("task", "size")
            .set("label", 3L)
            .set("recordId", "r1")
            .build();

    assertThat(read(RegistryStub.framed(registry.add(own), binary(own, record))))
        .isEqualTo(new Label("r1", "size", "3"));
  }

  @Test
  void whatIsWrittenAsALabelFitsItsSchema() throws Exception {
    byte[] written = labels.serializer().serialize("l", new Label("r1", "colour", "red"));

    assertThat(read(schema("label"), written).get("label")).hasToString("red");
    assertThat(labels.serializer().serialize("l", null)).as("a tombstone").isNull();
  }

  static Stream<Arguments> types() {
    Schema prediction = schema("prediction");
    return Stream.of(
        Arguments.of(prediction, Prediction.class),
        Arguments.of(
            prediction.getField("otherTasks").schema().getTypes().get(1).getElementType(),
            TaskPrediction.class),
        Arguments.of(prediction.getField("source").schema(), Source.class),
        Arguments.of(prediction.getField("top").schema().getElementType(), Scored.class),
        Arguments.of(prediction.getField("estimate").schema().getTypes().get(1), Estimate.class),
        Arguments.of(schema("label"), Label.class));
  }

  @ParameterizedTest
  @MethodSource("types")
  void everyFieldIsDescribedAndNoOther(Schema schema, Class<?> type) {
    assertThat(names(schema, field -> true)).isEqualTo(components(type, c -> true));
    assertThat(names(schema, field -> field.schema().isNullable()))
        .isEqualTo(components(type, JsonFields::mayBeAbsent));
  }

  @Test
  void anIdIsAskedForOnceAndGoesOnWorkingWithoutTheRegistry() throws Exception {
    byte[] label = labels.serializer().serialize("l", new Label("r1", "colour", "red"));
    read(label);
    registry.failing = 503;

    assertThat(read(label).label()).isEqualTo("red");
    assertThat(registry.requests).filteredOn(r -> r.startsWith("GET")).hasSize(1);
    assertThat(formats.registryAway()).isEmpty();
  }

  @Test
  void aRegistryThatIsAwayIsToldFromAnUnknownId() throws Exception {
    byte[] unknown = RegistryStub.framed(77, new byte[] {0});
    assertThatThrownBy(() -> read(unknown))
        .isInstanceOf(InvalidRecordException.class)
        .hasMessageContaining("schema id 77, which is not in the schema registry");

    byte[] another = RegistryStub.framed(78, new byte[] {0});
    registry.failing = 401;
    assertThatThrownBy(() -> read(another))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("status 401: out of order");
    int asked = registry.requests.size();
    assertThatThrownBy(() -> read(another)).isInstanceOf(RegistryException.class);

    assertThat(registry.requests).as("not asked again at once").hasSize(asked);
    assertThat(formats.registryAway()).hasValueSatisfying(why -> assertThat(why).contains("401"));
    registry.close();
    assertThatThrownBy(
            () ->
                new Formats(Format.AVRO, Format.JSON, Format.JSON, registry.settings())
                    .records()
                    .open(unknown))
        .isInstanceOf(RegistryException.class);
  }

  @Test
  void anUnknownIdIsNotAskedForWithEveryRecord() {
    byte[] unknown = RegistryStub.framed(77, new byte[] {0});
    for (int i = 0; i < 3; i++) {
      assertThatThrownBy(() -> read(unknown)).isInstanceOf(InvalidRecordException.class);
    }
    assertThat(registry.requests).as("a second time for a node that lags").hasSize(2);

    byte[] another = RegistryStub.framed(78, new byte[] {0});
    assertThatThrownBy(() -> read(another)).isInstanceOf(InvalidRecordException.class);
    assertThat(registry.requests).as("and not again at once").hasSize(3);
  }

  @Test
  void idsOfWhatIsNoAvroAreNotAskedForWithEveryRecord() {
    registry.told = "{\"schemaType\": \"PROTOBUF\", \"schema\": \"message A {}\"}";
    for (int i = 0; i < 3; i++) {
      for (int id : List.of(7, 8)) {
        assertThatThrownBy(() -> read(RegistryStub.framed(id, new byte[] {0})))
            .isInstanceOf(InvalidRecordException.class)
            .hasMessageContaining("schema id %d of type PROTOBUF".formatted(id));
      }
    }

    assertThat(registry.requests).hasSize(2);
  }

  @Test
  void anAnswerThatDoesNotEndIsNotWaitedFor() {
    registry.unfinished = true;

    assertThatThrownBy(() -> read(RegistryStub.framed(1, new byte[] {0})))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("no complete response within");
  }

  @Test
  void anIdThatOneNodeDoesNotKnowYetIsNotUnknown() throws Exception {
    byte[] label = labels.serializer().serialize("l", new Label("r1", "colour", "red"));
    registry.behind.set(1);

    assertThat(read(label).label()).isEqualTo("red");
  }

  @Test
  void whatIsNotFoundByAnotherThanARegistryIsNotUnknown() {
    registry.failing = 404; // of a wrong path, or of a proxy before a registry that is away

    assertThatThrownBy(() -> read(RegistryStub.framed(1, new byte[] {0})))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("status 404");
  }

  @Test
  void anAnswerWithoutContentDoesNotMakeAnIdUnknown() {
    registry.told = ""; // by a proxy before a registry that is away

    assertThatThrownBy(() -> read(RegistryStub.framed(1, new byte[] {0})))
        .isInstanceOf(RegistryException.class);
  }

  @Test
  void nothingIsWrittenUnderAnIdThatNoRegistryGave() {
    registry.told = "{}";

    assertThatThrownBy(() -> labels.serializer().serialize("labels", new Label("r", "t", "x")))
        .isInstanceOf(RegistryException.class)
        .hasMessageContaining("invalid response to POST /subjects/labels-value/versions");
  }

  @Test
  void readsWhatWasWrittenUnderDefaultsAndNamesThatAvroForbidsByNow() throws Exception {
    Schema own =
        new Schema.Parser(NameValidator.NO_VALIDATION)
            .setValidateDefaults(false)
            .parse(
                """
                {"type": "record", "name": "Own", "namespace": "com.my-company.x", "fields": [
                  {"name": "recordId", "type": "string", "default": null},
                  {"name": "task", "type": "string"},
                  {"name": "at", "type": "long", "default": "0"},
                  {"name": "label", "type": "string"}]}
                """);
    GenericRecord record =
        new GenericRecordBuilder(own)
            .set("recordId", "r1")
            .set("task", "colour")
            .set("at", 1L)
            .set("label", "red")
            .build();

    assertThat(read(RegistryStub.framed(registry.add(own), binary(own, record))))
        .isEqualTo(new Label("r1", "colour", "red"));
  }

  @Test
  void anAddressThatCannotBeAskedIsRefusedWithoutItsPassword() {
    for (String url :
        List.of("http://schema_registry:8081", "http://a:8081,http://b:8081", "http:///x")) {
      assertThatThrownBy(() -> RegistrySettings.of(Map.of("url", url)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("url must contain one host");
    }
    for (String url : List.of("http://u:secret@h", "http://u:secret@h h")) {
      assertThatThrownBy(() -> RegistrySettings.of(Map.of("url", url)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageStartingWith("url ")
          .hasMessageNotContaining("secret");
    }
  }

  @Test
  void credentialsGoAlongAndSchemasNeedNotBeAdded() {
    RegistrySettings settings =
        RegistrySettings.of(
            Map.of(
                "url", registry.url(),
                "basic.auth.user.info", "me:secret",
                "auto.register.schemas", "false"));
    new Formats(Format.JSON, Format.AVRO, Format.JSON, settings)
        .labels(Label.class, new JsonSerde<>(Label.class))
        .serializer()
        .serialize("l", new Label("r1", "colour", "red"));

    assertThat(registry.requests).containsExactly("POST /subjects/l-value");
    assertThat(registry.authorizations).containsExactly("Basic bWU6c2VjcmV0");
    assertThat(settings.toString()).doesNotContain("secret");
  }

  @Test
  void avroWithoutARegistryIsRefused() {
    assertThatThrownBy(() -> new Formats(Format.AVRO, Format.JSON, Format.JSON, null))
        .hasMessageContaining("registry.url");
    assertThatThrownBy(() -> RegistrySettings.of(Map.of("url", "localhost:8081")))
        .hasMessageContaining("http://");
    assertThatThrownBy(() -> RegistrySettings.of(Map.of())).hasMessageContaining("url");
  }

  private Label understood(Object label) throws Exception {
    GenericRecord record =
        new GenericRecordBuilder(schema("label"))
            .set("recordId", "r1")
            .set("task", "colour")
            .set("label", label)
            .build();
    return read(
        RegistryStub.framed(registry.add(schema("label")), binary(schema("label"), record)));
  }

  /** As the stream reads labels. */
  private Label read(byte[] value) throws Exception {
    return LabelReader.read(formats.labels(), value);
  }

  private static Schema schema(String name) {
    try {
      return new Schema.Parser().parse(Path.of("schemas", name + ".avsc").toFile());
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static byte[] binary(Schema schema, GenericRecord record) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    new GenericDatumWriter<>(schema).write(record, encoder);
    encoder.flush();
    return out.toByteArray();
  }

  private static GenericRecord read(Schema schema, byte[] framed) throws Exception {
    return new GenericDatumReader<GenericRecord>(schema)
        .read(null, DecoderFactory.get().binaryDecoder(framed, 5, framed.length - 5, null));
  }

  private static JsonNode withNulls(Prediction prediction) throws Exception {
    ObjectMapper all =
        Json.MAPPER
            .copy()
            .addMixIn(Prediction.class, AllFields.class)
            .addMixIn(TaskPrediction.class, AllFields.class)
            .addMixIn(Estimate.class, AllFields.class);
    return all.readTree(all.writeValueAsString(prediction));
  }

  @JsonInclude
  @JsonSerialize(using = JsonSerializer.None.class)
  private interface AllFields {}

  private static List<String> names(Schema schema, Predicate<Schema.Field> which) {
    return schema.getFields().stream().filter(which).map(Schema.Field::name).sorted().toList();
  }

  private static List<String> components(Class<?> type, Predicate<RecordComponent> which) {
    return JsonFields.of(type).filter(which).map(RecordComponent::getName).sorted().toList();
  }
}
