package dev.headwater.bundle;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.headwater.bundle.FieldReader.Fields;
import dev.headwater.bundle.Manifest.LabelField;
import dev.headwater.schema.format.Format;
import dev.headwater.schema.format.Formats;
import dev.headwater.schema.format.RegistryStub;
import dev.headwater.schema.format.ValueReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The fields of Avro records under the pointers that would find them in JSON. */
class AvroFieldsTest {
  private static final Schema RECORD =
      new Schema.Parser()
          .parse(
              """
              {"type": "record", "name": "Reading", "fields": [
                {"name": "before", "type": {"type": "map", "values": {"type": "array", "items": "string"}}},
                {"name": "body", "type": ["null", {"type": "record", "name": "Body", "fields": [
                  {"name": "id", "type": ["null", "string", "long"]},
                  {"name": "text", "type": ["string", "null", "bytes", "int"]}]}]},
                {"name": "kind", "type": ["null", {"type": "enum", "name": "Kind", "symbols": ["HAM", "SPAM"]}]},
                {"name": "x", "type": {"type": "array", "items": ["float", "double", "int", "null"]}},
                {"name": "a", "type": "double"}]}
              """);
  private static final Schema BODY = RECORD.getField("body").schema().getTypes().get(1);

  private static final FieldReader TEXT =
      new FieldReader(null, List.of(), "/t", List.of(), false, 0);

  private final RegistryStub registry = new RegistryStub();
  private final ValueReader avro =
      new Formats(Format.AVRO, Format.JSON, Format.JSON, registry.settings()).records();
  private final List<LabelField> label = List.of(new LabelField("/kind", new Kind.OneLabel()));
  private final FieldReader text =
      new FieldReader("/body/id", label, "/body/text", List.of(), false, 0);
  private final FieldReader array =
      new FieldReader("/body/id", label, null, List.of("/x"), true, 3);
  private final FieldReader scattered =
      new FieldReader(null, List.of(), null, List.of("/a", "/x/1"), false, 2);

  @AfterEach
  void close() {
    registry.close();
  }

  @Test
  void findsIdTextAndLabel() throws Exception {
    Fields fields = text.read(avro, value("r1", "my card", "SPAM", 1f, 2f, 3f));

    assertThat(fields.id()).isEqualTo("r1");
    assertThat(fields.text()).isEqualTo("my card");
    assertThat(fields.labels()).containsExactly("SPAM");
    assertThat(text.read(avro, value(7L, "t", null)).id()).as("a number's digits").isEqualTo("7");
    assertThat(text.read(avro, value(7L, "t", null)).labels()).containsOnlyNulls();
  }

  @Test
  void findsNumbersOfEveryType() throws Exception {
    byte[] value = value("r", "t", null, 1.5f, 0.1, 3);

    assertThat(array.read(avro, value).numbers()).containsExactly(1.5f, 0.1f, 3f);
    assertThat(scattered.read(avro, value).numbers()).containsExactly(2.5f, 0.1f);
  }

  @Test
  void takesBytesForAPicture() throws Exception {
    byte[] picture = {1, 2, (byte) 255};

    assertThat(text.read(avro, value("r", ByteBuffer.wrap(picture), null)).bytes())
        .isEqualTo(picture);
  }

  @Test
  void namesTheFieldAndTheCauseAndTheRecord() throws Exception {
    assertRefused(text, value("r", null, null), "/body/text", "is null, expected a string");
    assertRefused(text, value("r", 7, null), "/body/text", "is a number, expected a string");
    assertRefused(array, value("r", "t", null, 1f, null, 3f), "/x/1", "is null, expected a number");
    assertRefused(array, value("r", "t", null, 1f, Float.NaN, 3f), "/x/1", "is NaN");
    assertRefused(
        array,
        value("r", "t", null, 1f, 1e39, 3f),
        "/x/1",
        "is outside the range of a 32-bit float");
    assertRefused(array, value("r", "t", null, 1f), "/x", "has 1 numbers, the model expects 3");
    assertRefused(
        new FieldReader("/body/id", List.of(), "/none", List.of(), false, 0),
        value("r", "t", null),
        "/none",
        "is missing");
  }

  @Test
  void refusesWhatIsNotInTheWireFormat() throws Exception {
    byte[] good = value("r", "t", null);

    assertThat(refusal(text, "{\"id\":1}".getBytes())).hasMessageContaining("first byte is 123");
    assertThat(refusal(text, Arrays.copyOf(good, 4))).hasMessageContaining("is truncated");
    assertThat(refusal(text, Arrays.copyOf(good, 5)))
        .hasMessageContaining("does not match its Avro schema");
    assertThat(refusal(text, RegistryStub.framed(99, new byte[0])))
        .hasMessage("value has schema id 99, which is not in the schema registry");
    assertThat(refusal(text, Arrays.copyOf(good, good.length + 1)))
        .hasMessageContaining("does not match its Avro schema");
    assertThat(refusal(text, null)).hasMessageContaining("tombstone");
    assertThat(refusal(text, new byte[0])).hasMessageContaining("is empty");
  }

  @Test
  void survivesEveryTruncationAndEveryByteFlipped() throws Exception {
    byte[] good = value("r", "a text", "HAM", 1f, 2.5, 3);
    for (int i = 5; i < good.length; i++) {
      assertThat(refusal(array, Arrays.copyOf(good, i))).as("cut at %d", i).isNotNull();
      for (int bit = 0; bit < 8; bit++) {
        byte[] flipped = good.clone();
        flipped[i] ^= (byte) (1 << bit);
        try {
          array.read(avro, flipped);
        } catch (InvalidRecordException e) {
          assertThat(e.field()).isNotBlank();
        }
      }
    }
  }

  @Test
  void aLengthThatNoRecordHasCostsNoMemory() throws Exception {
    Schema bytes =
        new Schema.Parser()
            .parse(
                "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"t\",\"type\":\"bytes\"}]}");
    byte[] huge = {(byte) 0xFC, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 0x0F}; // 2^31 - 2

    assertThat(refusal(TEXT, RegistryStub.framed(registry.add(bytes), huge)))
        .hasMessageContaining("does not match its Avro schema");
  }

  @Test
  void aBlockThatTellsItsSizeHidesNoLength() throws Exception {
    byte[] items = before("{'type': 'array', 'items': 'bytes'}", new byte[0], -1, 5, 1L << 31, 0);
    byte[] map = before("{'type': 'map', 'values': 'bytes'}", new byte[0], -1, 6, 0, 1L << 31, 0);

    assertThat(refusal(TEXT, items)).hasMessageContaining("does not match its Avro schema");
    assertThat(refusal(TEXT, map)).hasMessageContaining("does not match its Avro schema");
  }

  @Test
  void itemsOfNoBytesAreNoMoreThanTheValueIsLong() throws Exception {
    String nulls = "{'type': 'array', 'items': 'null'}";

    assertThat(refusal(TEXT, before(nulls, new byte[0], -(1L << 40), 0, 0)))
        .hasMessageContaining("does not match its Avro schema");
    assertThat(refusal(TEXT, before(nulls, new byte[0], 1000, 0)))
        .hasMessageContaining("does not match its Avro schema");
    assertThat(TEXT.read(avro, before(nulls, new byte[0], 3, 0)).text()).isEqualTo("hello");
  }

  @Test
  void bytesThatAreNoUtf8AreNoText() throws Exception {
    byte[] latin = {(byte) 0xE9, 'a', 'b'};
    byte[] surrogate = {(byte) 0xED, (byte) 0xA0, (byte) 0x80};

    assertThat(refusal(TEXT, before("'string'", latin, 3)))
        .hasMessageContaining("does not match its Avro schema");
    assertThat(refusal(TEXT, before("'string'", surrogate, 3)))
        .hasMessageContaining("does not match its Avro schema");
    assertThat(TEXT.read(avro, before("'string'", "\u00e9a".getBytes(UTF_8), 3)).text())
        .isEqualTo("hello");
  }

  /** A field of that schema, as these numbers and bytes, and then a text. */
  private byte[] before(String schema, byte[] raw, long... numbers) throws IOException {
    String fields =
        "{'name': 'other', 'type': %s}, {'name': 't', 'type': 'string'}".formatted(schema);
    Schema record =
        new Schema.Parser()
            .parse(
                "{'type': 'record', 'name': 'R', 'fields': [%s]}"
                    .formatted(fields)
                    .replace('\'', '"'));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
    for (long number : numbers) {
      encoder.writeLong(number);
    }
    encoder.writeFixed(raw);
    encoder.writeString("hello");
    return RegistryStub.framed(registry.add(record), out.toByteArray());
  }

  @Test
  void aPersonReadsItAsJson() throws Exception {
    assertThat(avro.text(value("r", "my card", null, 1f)))
        .contains(
            "{\"before\":{\"k\":[\"v\"]},\"body\":{\"id\":\"r\",\"text\":\"my"
                + " card\"},\"kind\":null,\"x\":[1.0],\"a\":2.5}");
  }

  private void assertRefused(FieldReader reader, byte[] value, String field, String cause) {
    InvalidRecordException e = refusal(reader, value);
    assertThat(e.field()).isEqualTo(field);
    assertThat(e).hasMessageStartingWith(field + " " + cause);
    assertThat(e.recordId()).isEqualTo("r");
  }

  private InvalidRecordException refusal(FieldReader reader, byte[] value) {
    return catchThrowableOfType(InvalidRecordException.class, () -> reader.read(avro, value));
  }

  private byte[] value(Object id, Object text, String kind, Object... x) throws IOException {
    Object record =
        new GenericRecordBuilder(RECORD)
            .set("before", Map.of("k", List.of("v")))
            .set("body", new GenericRecordBuilder(BODY).set("id", id).set("text", text).build())
            .set(
                "kind",
                kind == null
                    ? null
                    : new GenericData.EnumSymbol(
                        RECORD.getField("kind").schema().getTypes().get(1), kind))
            .set("x", Arrays.asList(x))
            .set("a", 2.5)
            .build();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    new GenericDatumWriter<>(RECORD).write(record, encoder);
    encoder.flush();
    return RegistryStub.framed(registry.add(RECORD), out.toByteArray());
  }
}
