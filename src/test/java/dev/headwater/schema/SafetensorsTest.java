package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {
  private static final String X =
      "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";

  @Test
  void writesTheBytesTheFormatPrescribes() {
    // given
    Tensor x = new Tensor(new long[] {2}, new float[] {1f, -2f});

    // when
    byte[] bytes = Safetensors.write(Map.of("x", x), Map.of());

    // then: 56 bytes of header, little-endian; 1.0 is 3f800000 and -2.0 is c0000000
    String header = X + " ".repeat(56 - X.length());
    assertThat(HexFormat.of().formatHex(bytes))
        .isEqualTo(
            "3800000000000000"
                + HexFormat.of().formatHex(header.getBytes(StandardCharsets.UTF_8))
                + "0000803f000000c0");
  }

  @Test
  void readsAFileAnotherWriterLaidOutItsOwnWay() throws Exception {
    // given: tensors not in header order, no padding, metadata last, a scalar and an empty tensor
    byte[] file =
        file(
            "{\"b\":{\"shape\":[1,2],\"dtype\":\"F32\",\"data_offsets\":[4,12]},"
                + "\"none\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[4,4]},"
                + "\"a\":{\"data_offsets\":[0,4],\"dtype\":\"F32\",\"shape\":[]},"
                + "\"__metadata__\":{\"format\":\"pt\"}}",
            5f,
            6f,
            7f);

    // when
    Safetensors.Contents contents = Safetensors.read(file);

    // then
    assertThat(contents.tensors())
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "a", new Tensor(new long[] {}, new float[] {5f}),
                "none", new Tensor(new long[] {0, 3}, new float[] {}),
                "b", new Tensor(new long[] {1, 2}, new float[] {6f, 7f})));
    assertThat(contents.metadata()).isEqualTo(Map.of("format", "pt"));
  }

  @Property(tries = 200, seed = "20261123")
  void readsBackWhateverItWrote(
      @ForAll("tensors") Map<String, Tensor> tensors,
      @ForAll("metadata") Map<String, String> metadata)
      throws Exception {
    // when
    Safetensors.Contents read = Safetensors.read(Safetensors.write(tensors, metadata));

    // then
    assertThat(read.tensors()).isEqualTo(tensors);
    assertThat(read.metadata()).isEqualTo(metadata);
  }

  @Test
  void readsNotANumberAsTheFloatItIs() throws Exception {
    // given
    Tensor odd = new Tensor(new long[] {2}, new float[] {Float.NaN, Float.NEGATIVE_INFINITY});

    // when, then
    assertThat(Safetensors.read(Safetensors.write(Map.of("x", odd), Map.of())).tensors())
        .as("whether such a head may serve is decided where it is installed")
        .isEqualTo(Map.of("x", odd));
  }

  @ParameterizedTest(name = "{1}")
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          [2]                              | 0,4   | needs 8 bytes, but data_offsets span 4
          [2]                              | 4,12  | expected to start at 0
          [2]                              | 0,16  | end by 8
          [2]                              | 8,0   | expected to start at 0
          [1]                              | 0,4   | 4 bytes after the last tensor
          [4611686018427387904,4]          | 0,8   | exceeds the maximum size
          [9223372036854775808]            | 0,8   | out of range of long
          [-2]                             | 0,8   | negative number
          [2.0]                            | 0,8   | has VALUE_NUMBER_FLOAT as shape
          ["2"]                            | 0,8   | has VALUE_STRING as shape
          2                                | 0,8   | expected START_ARRAY
          [2]                              | 0     | two data_offsets
          [2]                              | 0,4,8 | two data_offsets
          """)
  void refusesAShapeAndOffsetsThatDoNotFitTheData(String shape, String offsets, String reason) {
    assertRefused(
        file(
            "{\"x\":{\"dtype\":\"F32\",\"shape\":%s,\"data_offsets\":[%s]}}"
                .formatted(shape, offsets),
            1f,
            2f),
        reason);
  }

  @ParameterizedTest(name = "{1}")
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}                           | dtype I64
          {"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | expected to start at 4
          {"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}} | expected to start at 0
          {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | duplicate key 'x'
          {"x":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}             | unknown or repeated key 'dtype'
          {"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"strides":[1]}}             | unknown or repeated key 'strides'
          {"x":{"shape":[2],"data_offsets":[0,8]}}                                         | lacks dtype
          {"x":[]}                                                                         | has START_ARRAY as
          {"__metadata__":{"a":1}}                                                         | has VALUE_NUMBER_INT as
          {"__metadata__":{"a":"1","a":"2"}}                                               | duplicate key 'a' in __metadata__
          {"__metadata__":{},"__metadata__":{}}                                            | duplicate key '__metadata__'
          {} {}                                                                            | has content after
          {"x":                                                                            | not valid JSON
          [1]                                                                              | does not start with a brace
          """)
  void refusesAHeaderThatIsNotWhatTheFormatSays(String header, String reason) {
    assertRefused(file(header, 1f, 2f), reason);
  }

  @Test
  void refusesAHeaderLengthBeyondTheFile() {
    for (long length : List.of(57L, 100_000_001L, Long.MAX_VALUE, -1L, Long.MIN_VALUE)) {
      byte[] file = file(X, 1f, 2f);
      ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(length + 100);
      assertRefused(file, "header length is");
    }
  }

  @Test
  void refusesAFileCutOffAnywhere() {
    byte[] whole = file(X, 1f, 2f);
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> Safetensors.read(cut))
          .as("cut after %d bytes", length)
          .isInstanceOf(RejectedHeadException.class);
    }
  }

  @Test
  void refusesBytesAfterTheLastTensor() {
    assertRefused(file(X, 1f, 2f, 3f), "4 bytes after the last tensor");
  }

  @Test
  void refusesAHeaderThatIsNotUtf8() {
    // given: valid JSON, but in the encoding a lenient parser would guess
    byte[] utf16 = X.getBytes(StandardCharsets.UTF_16LE);
    byte[] broken = "{\"x\u00e9\":1}".getBytes(StandardCharsets.ISO_8859_1);

    // when, then
    assertThatThrownBy(() -> Safetensors.read(file(utf16, 1f, 2f)))
        .isInstanceOf(RejectedHeadException.class);
    assertThatThrownBy(() -> Safetensors.read(file(broken)))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining("not UTF-8");
  }

  @Test
  void refusesAHeaderNestedWithoutEnd() {
    assertRefused(file("{\"x\":" + "[".repeat(2_000_000)), "START_ARRAY as");
  }

  @Test
  void refusesToWriteWhatItCouldNotReadBack() {
    Tensor x = new Tensor(new long[] {1}, new float[] {1f});
    assertThatThrownBy(() -> Safetensors.write(Map.of("__metadata__", x), Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("__metadata__");
    assertThatThrownBy(() -> Safetensors.write(Map.of("x", x), Map.of("half", "\ud800")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("not valid Unicode");
  }

  @Property(tries = 2000, seed = "20261123")
  void throwsNothingButARefusalForAnyBytes(@ForAll byte[] bytes) {
    assertThatThrownBy(() -> Safetensors.read(bytes)).isInstanceOf(RejectedHeadException.class);
  }

  @Property(tries = 3000, seed = "20261123")
  void throwsNothingButARefusalForAnyMutation(@ForAll("seeds") long seed) {
    // given
    Random random = new Random(seed);
    byte[] mutated =
        Safetensors.write(
            Map.of("w", new Tensor(new long[] {2, 2}, new float[4])), Map.of("task", "intent"));
    for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
      mutated[random.nextInt(mutated.length)] = (byte) random.nextInt(256);
    }

    // when, then: read, or refused
    try {
      assertThat(Safetensors.read(mutated).tensors()).isNotNull();
    } catch (RejectedHeadException e) {
      assertThat(e.getMessage()).as("a sentence").endsWith(".");
    }
  }

  @Provide
  Arbitrary<Long> seeds() {
    return Arbitraries.longs();
  }

  @Provide
  Arbitrary<Map<String, String>> metadata() {
    return Arbitraries.maps(text(), text()).ofMaxSize(5);
  }

  @Provide
  Arbitrary<Map<String, Tensor>> tensors() {
    Arbitrary<Tensor> tensor =
        Arbitraries.integers()
            .between(0, 4)
            .list()
            .ofMaxSize(4)
            .flatMap(
                shape ->
                    Arbitraries.floats()
                        .array(float[].class)
                        .ofSize(shape.stream().reduce(1, (a, b) -> a * b))
                        .map(v -> new Tensor(shape.stream().mapToLong(i -> i).toArray(), v)));
    return Arbitraries.maps(text(), tensor).ofMaxSize(6);
  }

  /** Any text but halves of surrogate pairs, which no UTF-8 can carry. */
  private static Arbitrary<String> text() {
    return Arbitraries.oneOf(
            Arbitraries.strings().ofMaxLength(12),
            Arbitraries.of("golden.x", "a\"b\\", "\ud83e\udd8a", "\u0000"))
        .filter(
            s ->
                s.codePoints().noneMatch(c -> c >= 0xd800 && c <= 0xdfff)
                    && !s.equals(SafetensorsHeader.METADATA));
  }

  private static void assertRefused(byte[] file, String reason) {
    assertThatThrownBy(() -> Safetensors.read(file))
        .isInstanceOf(RejectedHeadException.class)
        .hasMessageContaining(reason)
        .message()
        .endsWith(".");
  }

  private static byte[] file(String header, float... data) {
    return file(header.getBytes(StandardCharsets.UTF_8), data);
  }

  private static byte[] file(byte[] header, float... data) {
    ByteBuffer file =
        ByteBuffer.allocate(8 + header.length + 4 * data.length).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(header.length).put(header);
    IntStream.range(0, data.length).forEach(i -> file.putFloat(data[i]));
    return file.array();
  }
}
