package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.avro.message.SchemaStore;
import org.apache.kafka.common.errors.SerializationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Samples lie on their topic for months: whoever wrote them, they are read. */
class SampleSerdeTest {
  private static final float[] FEATURES = {1, -.5f};

  @ParameterizedTest
  @MethodSource("released")
  void whatAReleaseWroteIsRead(Path file) throws Exception {
    Schema then = new Schema.Parser().parse(file.toFile());

    assertThat(read(new SampleSerde(), written(then))).isEqualTo(sample());
  }

  static Stream<Path> released() throws IOException {
    try (Stream<Path> releases = Files.list(Path.of("schemas", "released"))) {
      return releases
          .filter(Files::isDirectory)
          .map(release -> release.resolve("sample.avsc"))
          .toList()
          .stream();
    }
  }

  @Test
  void aSampleOfASchemaWithoutTheNewestFieldsHasTheirDefaults() throws Exception {
    Schema then = without(Set.of("tiles", "rowWeights"));
    SchemaStore.Cache known = new SchemaStore.Cache();
    known.addSchema(then);

    assertThat(read(new SampleSerde(known), written(then)))
        .as("no tiles, as the sample has none")
        .isEqualTo(sample());
  }

  @Test
  void aSampleOfAnUnknownSchemaIsRefused() throws Exception {
    byte[] foreign = written(without(Set.of("rowWeights")));

    assertThatThrownBy(() -> read(new SampleSerde(), foreign))
        .isInstanceOf(SerializationException.class)
        .hasMessageContaining("fingerprint");
  }

  @Test
  void whatTheSchemaCannotSayIsRefusedToo() {
    SampleSerde serde = new SampleSerde();
    for (Sample wrong :
        List.of(
            Sample.newBuilder(sample()).setDim(3).build(),
            Sample.newBuilder(sample()).setRows(1 << 30).setDim(1 << 30).build(),
            Sample.newBuilder(sample()).setRows(0).setFeatures(ByteBuffer.allocate(0)).build(),
            Sample.newBuilder(sample()).setWeight(0).build(),
            Sample.newBuilder(sample()).setWeight(Double.NaN).build(),
            Sample.newBuilder(sample())
                .setFeatures(SampleSerde.pack(new float[] {1, Float.NaN}))
                .build())) {
      byte[] bytes = serde.serializer().serialize("", wrong);

      assertThatThrownBy(() -> read(serde, bytes)).isInstanceOf(SerializationException.class);
    }
  }

  private static Sample read(SampleSerde serde, byte[] value) {
    return serde.deserializer().deserialize("", value);
  }

  private static Schema without(Set<String> fields) {
    Schema now = Sample.getClassSchema();
    List<Schema.Field> kept =
        now.getFields().stream()
            .filter(field -> !fields.contains(field.name()))
            .map(field -> new Schema.Field(field, field.schema()))
            .toList();
    return Schema.createRecord(now.getName(), now.getDoc(), now.getNamespace(), false, kept);
  }

  /** {@link #sample} by what a writer of that schema has, without this version's classes. */
  private static byte[] written(Schema schema) throws IOException {
    GenericRecordBuilder record = new GenericRecordBuilder(schema);
    Sample sample = sample();
    for (Schema.Field known : Sample.getClassSchema().getFields()) {
      if (schema.getField(known.name()) != null) {
        record.set(known.name(), sample.get(known.pos()));
      }
    }
    record.set(
        "reason",
        new GenericData.EnumSymbol(
            schema.getField("reason").schema(), sample.getReason().toString()));
    record.set("recordTime", sample.getRecordTime().toEpochMilli());
    ByteBuffer value =
        new BinaryMessageEncoder<GenericRecord>(GenericData.get(), schema).encode(record.build());
    return value.array();
  }

  private static Sample sample() {
    return Sample.newBuilder()
        .setRecordId("r1")
        .setTask("colour")
        .setBackbone("b0b")
        .setRows(1)
        .setDim(2)
        .setFeatures(SampleSerde.pack(FEATURES))
        .setReason(Reason.AUDIT)
        .setWeight(5)
        .setPredicted("red")
        .setConfidence(.25f)
        .setHeadVersion(3)
        .setRecordTime(Instant.ofEpochMilli(1_700_000_000_000L))
        .setLabel("blue")
        .build();
  }
}
