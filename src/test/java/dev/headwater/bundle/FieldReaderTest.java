package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.headwater.bundle.FieldReader.Fields;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FieldReaderTest {
  private final FieldReader text =
      new FieldReader(
          "/id",
          List.of(new Manifest.LabelField("/meta/label", new Kind.OneLabel())),
          "/body/text",
          List.of(),
          false,
          0);
  private final FieldReader array =
      new FieldReader("/id", List.of(), null, List.of("/features"), true, 3);
  private final FieldReader scattered =
      new FieldReader("/id", List.of(), null, List.of("/a", "/b/c", "/d/1"), false, 3);

  private static byte[] bytes(String json) {
    return json.getBytes(StandardCharsets.UTF_8);
  }

  private static InvalidRecordException refusal(FieldReader reader, byte[] value) {
    return catchThrowableOfType(InvalidRecordException.class, () -> reader.read(value));
  }

  @Test
  void findsNestedFieldsInAnyOrderAmongOthers() throws Exception {
    Fields fields =
        text.read(
            bytes(
                """
                {"x": [1, {"text": "no"}], "body": {"lang": null, "text": "h\\u00e9 \\"you\\" 😀"},
                 "meta": {"label": "greet", "more": {"label": "no"}}, "id": "r1"}
                """));

    assertThat(fields.id()).isEqualTo("r1");
    assertThat(fields.labels()).containsExactly("greet");
    assertThat(fields.text()).isEqualTo("hé \"you\" 😀");
  }

  @Test
  void takesWholeNumbersAsIdsAndLabels() throws Exception {
    Fields fields =
        text.read(
            bytes("{\"id\":9007199254740993,\"meta\":{\"label\":4},\"body\":{\"text\":\"t\"}}"));

    assertThat(fields.id()).as("no detour over a double").isEqualTo("9007199254740993");
    assertThat(fields.labels()).containsExactly("4");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"id":"r","body":{"text":"t"}}
          {"id":"r","meta":null,"body":{"text":"t"}}
          {"id":"r","meta":{"label":null},"body":{"text":"t"}}
          """)
  void takesAnAbsentLabelForAnUnlabelledRecord(String json) throws Exception {
    assertThat(text.read(bytes(json)).labels()).containsOnlyNulls();
  }

  @Test
  void readsNumbersFromAnArrayOrFromPlacesOfTheirOwn() throws Exception {
    byte[] value =
        bytes("{\"id\":\"r\",\"features\":[1,-2.5e3,0.1],\"d\":[7,8],\"b\":{\"c\":2},\"a\":1E-2}");

    assertThat(array.read(value).numbers()).containsExactly(1f, -2500f, 0.1f);
    assertThat(scattered.read(value).numbers()).containsExactly(0.01f, 2f, 8f);
  }

  @Test
  void readsFieldNamesThatNeedEscapesInAPointer() throws Exception {
    FieldReader reader = new FieldReader("/a~1b", List.of(), "/c~0d", List.of(), false, 0);

    Fields fields = reader.read(bytes("{\"a/b\":\"r\",\"c~d\":\"t\"}"));

    assertThat(List.of(fields.id(), fields.text())).containsExactly("r", "t");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"id":"r","body":{}}                                  | /body/text  | is missing
          {"id":"r"}                                            | /body/text  | is missing
          {"id":"r","body":"t"}                                 | /body/text  | is missing
          {"id":"r","body":{"text":null}}                       | /body/text  | is null, expected a string
          {"id":"r","body":{"text":7}}                          | /body/text  | is a number, expected a string
          {"id":"r","body":{"text":["t"]}}                      | /body/text  | is an array, expected a string
          {"body":{"text":{"id":"no"}},"id":"r"}                | /body/text  | is an object, expected a string
          {"id":"r","body":{"text":"a","text":"b"}}             | /body/text  | is duplicated
          {"id":"r","body":{"text":"a"},"body":{"text":"b"}}    | /body/text  | is duplicated
          {"id":"r","body":{"text":"a"},"id":"s"}               | /id         | is duplicated
          {"id":"r","body":{"text":"a"},"meta":{"label":" "}}   | /meta/label | is blank
          {"id":"r","body":{"text":"a"},"meta":{"label":"\\udc00"}} | /meta/label | contains an unpaired surrogate
          {"id":"r","body":{"text":"a"},"meta":{"label":true}}  | /meta/label | is a boolean, expected a string
          {"id":"r","body":{"text":"a"}} x                      | value       | is not valid JSON: error at byte 31
          {"id":"r","body":{"text":"a"}} {}                     | value       | has trailing data after its JSON value
          {"id":"r","body":{"text":"a"                          | value       | is not valid JSON: unexpected end
          {"id":"r","body":{"text":"a",}}                       | value       | is not valid JSON: error at byte 29
          {"id":"r",'body':1}                                   | value       | is not valid JSON: error at byte 10
          """)
  void namesTheFieldAndTheCauseAndTheRecord(String json, String field, String cause) {
    InvalidRecordException e = refusal(text, bytes(json));

    assertThat(e.field()).isEqualTo(field);
    assertThat(e).hasMessage(field + " " + cause);
    assertThat(e.recordId()).as("the id stands in every one of these").isEqualTo("r");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"body":{"text":"a"}}            | is missing
          {"id":null,"body":{"text":"a"}}  | is null, expected a string
          {"id":"","body":{"text":"a"}}    | is blank
          {"id":"r\\ud800","body":{"text":"a"}} | contains an unpaired surrogate
          {"id":1.5,"body":{"text":"a"}}   | is a number, expected a string
          {"id":[1],"body":{"text":"a"}}   | is an array, expected a string
          """)
  void refusesARecordWithoutAProperId(String json, String cause) {
    InvalidRecordException e = refusal(text, bytes(json));

    assertThat(e).hasMessage("/id " + cause);
    assertThat(e.recordId()).isNull();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          [1,2]               | /features   | has 2 numbers, the model expects 3
          [1,2,3,4]           | /features   | has 4 numbers, the model expects 3
          [1,2,3,"x",null]    | /features   | has 5 numbers, the model expects 3
          []                  | /features   | has 0 numbers, the model expects 3
          [1,null,3]          | /features/1 | is null, expected a number
          [1,2,"3"]           | /features/2 | is a string, expected a number
          [[1],2,3]           | /features/0 | is an array, expected a number
          [1,NaN,3]           | /features/1 | is NaN
          [1,2,-Infinity]     | /features/2 | is -Infinity
          [1,2,1e39]          | /features/2 | is outside the range of a 32-bit float
          {"0":1}             | /features   | is an object, expected an array of numbers
          null                | /features   | is null, expected an array of numbers
          3                   | /features   | is a number, expected an array of numbers
          """)
  void refusesNumbersTheNetworkCannotTake(String features, String field, String cause) {
    InvalidRecordException e = refusal(array, bytes("{\"features\":" + features + ",\"id\":5}"));

    assertThat(e.field()).isEqualTo(field);
    assertThat(e).hasMessage(field + " " + cause);
    assertThat(e.recordId()).as("read though it comes after").isEqualTo("5");
  }

  @Test
  void namesTheOneScatteredNumberThatIsMissing() {
    InvalidRecordException e =
        refusal(scattered, bytes("{\"id\":\"r\",\"a\":1,\"b\":{\"c\":1},\"d\":[1]}"));

    assertThat(e).hasMessage("/d/1 is missing");
  }

  @Test
  void tellsAbsentValuesFromEmptyOnes() {
    assertThat(refusal(text, null))
        .hasMessage("value is null (a tombstone), which cannot be scored");
    assertThat(refusal(text, new byte[0])).hasMessage("value is empty");
    assertThat(refusal(text, bytes("   "))).hasMessage("/id is missing");
  }

  @Test
  void refusesWhatIsNoUtf8WhereverItStands() {
    List<byte[]> broken =
        List.of(
            new byte[] {(byte) 0xff},
            new byte[] {(byte) 0xc3, 'x'},
            new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80}, // a surrogate by itself
            new byte[] {(byte) 0xc0, (byte) 0xaf}); // overlong
    for (byte[] bad : broken) {
      for (String before : List.of("{\"id\":\"r\",\"body\":{\"text\":\"", "{\"other\":\"")) {
        InvalidRecordException e = refusal(text, join(bytes(before), bad, bytes("\"}}")));

        assertThat(e.field()).isEqualTo("value");
        assertThat(e).hasMessage("value is not valid UTF-8 at byte " + before.length());
      }
    }
  }

  @Test
  void doesNotTakeOtherEncodingsForJson() {
    byte[] utf16 = "{\"id\":\"r\"}".getBytes(StandardCharsets.UTF_16LE);

    assertThat(refusal(text, utf16)).hasMessageContaining("NUL byte");
  }

  @Test
  void keepsThePayloadOutOfItsMessages() {
    InvalidRecordException e = refusal(text, bytes("{\"id\":\"r\",\"body\":secret42}"));

    assertThat(e.getMessage()).doesNotContain("secret");
  }

  @Test
  void survivesEveryTruncationAndEveryByteFlipped() {
    byte[] good = bytes("{\"id\":\"r\",\"features\":[1,2.5,-3e2],\"x\":{\"y\":[true,\"z\\n\"]}}");
    List<Throwable> unexpected = new ArrayList<>();
    for (int i = 0; i < good.length; i++) {
      byte[] cut = Arrays.copyOf(good, i);
      assertThat(refusal(array, cut)).as("cut at %d", i).isNotNull();
      for (int bit = 0; bit < 8; bit++) {
        byte[] flipped = good.clone();
        flipped[i] ^= (byte) (1 << bit);
        try {
          array.read(flipped);
        } catch (InvalidRecordException e) {
          assertThat(e.field()).isNotBlank();
        } catch (RuntimeException e) {
          unexpected.add(e);
        }
      }
    }
    assertThat(unexpected).as("only refusals, never crashes").isEmpty();
  }

  private static byte[] join(byte[]... parts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }
}
