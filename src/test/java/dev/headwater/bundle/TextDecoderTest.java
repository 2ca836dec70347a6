package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.TensorInfo;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextDecoderTest {
  private static final List<TensorInfo> INPUTS =
      Stream.of("input_ids", "attention_mask", "token_type_ids")
          .map(name -> new TensorInfo(name, ElementType.INT64, new long[] {-1, -1}))
          .toList();

  @TempDir Path directory;
  private Path tokenizer;

  @BeforeEach
  void writeTokenizer() throws Exception {
    tokenizer = Files.writeString(directory.resolve("tokenizer.json"), Tokenizers.WORDS);
  }

  private Manifest.Text settings(String pointer, int maxTokens) {
    String id = pointer == null ? null : "/id";
    return new Manifest.Text(id, List.of(), pointer, tokenizer, maxTokens, 40);
  }

  private TextDecoder decoder(String pointer, int maxTokens) {
    List<String> problems = new ArrayList<>();
    TextDecoder decoder = TextDecoder.of(settings(pointer, maxTokens), INPUTS, problems);
    assertThat(problems).isEmpty();
    return decoder;
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static long[] longs(ModelInput input) {
    long[] values = new long[((LongBuffer) input.data()).remaining()];
    ((LongBuffer) input.data()).duplicate().get(values);
    return values;
  }

  @Test
  void padsABatchToItsLongestRecordAndMasksThePadding() throws Exception {
    TextDecoder decoder = decoder(null, 16);
    Decoded shorter = decoder.decode(utf8("my card"));
    Decoded longer = decoder.decode(utf8("my card was lost"));

    List<ModelInput> batch = decoder.batch(List.of(shorter, longer));

    assertThat(shorter.input().length()).as("two words, [CLS] and [SEP]").isEqualTo(4);
    assertThat(batch)
        .extracting(ModelInput::name)
        .containsExactly("input_ids", "attention_mask", "token_type_ids");
    assertThat(batch).allSatisfy(input -> assertThat(input.shape()).containsExactly(2, 6));
    assertThat(batch).allMatch(input -> input.data().isDirect());
    assertThat(longs(batch.get(0))).containsExactly(1, 4, 5, 2, 3, 3, 1, 4, 5, 6, 7, 2);
    assertThat(longs(batch.get(1))).containsExactly(1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1);
    assertThat(longs(batch.get(2))).containsOnly(0);
  }

  @Test
  void truncatesToTheWindowAndKeepsTheClosingToken() throws Exception {
    TextDecoder decoder = decoder(null, 4);

    Decoded decoded = decoder.decode(utf8("my card was lost"));

    assertThat(longs(decoder.batch(List.of(decoded)).get(0))).containsExactly(1, 4, 5, 2);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void refusesAWindowWithoutRoomForText(int maxTokens) throws Exception {
    List<String> problems = new ArrayList<>();

    assertThat(TextDecoder.of(settings(null, maxTokens), INPUTS, problems)).isNull();

    assertThat(problems)
        .containsExactly("input.max-tokens: must be above 2, the number of special tokens");
  }

  @Test
  void padsToTheNetworksOwnLengthWhereItIsFixed() throws Exception {
    List<TensorInfo> fixed =
        List.of(new TensorInfo("input_ids", ElementType.INT64, new long[] {-1, 5}));
    TextDecoder decoder = TextDecoder.of(settings(null, 5), fixed, new ArrayList<>());

    List<ModelInput> batch = decoder.batch(List.of(decoder.decode(utf8("card"))));

    assertThat(longs(batch.get(0))).containsExactly(1, 5, 2, 3, 3);
  }

  @Test
  void padsAllTextsAlikeWhereTheNetworkSeesThePadding() throws Exception {
    TextDecoder decoder =
        TextDecoder.of(settings(null, 6), INPUTS.subList(0, 1), new ArrayList<>());

    List<ModelInput> batch = decoder.batch(List.of(decoder.decode(utf8("card"))));

    assertThat(longs(batch.get(0))).containsExactly(1, 5, 2, 3, 3, 3);
    assertThat(decoder.sameLength()).isTrue();
  }

  @Test
  void readsTextAndIdOutOfJson() throws Exception {
    Decoded decoded =
        decoder("/q/text", 16).decode(utf8("{\"q\":{\"text\":\"my card\"},\"id\":\"r\"}"));

    assertThat(decoded.recordId()).isEqualTo("r");
    assertThat(decoded.input().length()).isEqualTo(4);
  }

  @Test
  void refusesTextItCannotMeanOrRead() {
    TextDecoder decoder = decoder("/text", 16);

    assertThat(refusal(decoder, "   ")).hasMessage("/text is blank");
    assertThat(refusal(decoder, "")).hasMessage("/text is blank");
    assertThat(refusal(decoder, "x".repeat(41)))
        .hasMessage("/text has 41 characters, more than the limit of 40");
    assertThat(refusal(decoder, "my \\ud83d card"))
        .hasMessage("/text contains an unpaired surrogate");
    assertThat(refusal(decoder, "my \\ude00 card"))
        .hasMessage("/text contains an unpaired surrogate");
    assertThat(refusal(decoder, "card \\ud83d")).hasMessage("/text contains an unpaired surrogate");
    assertThat(refusal(decoder, "x".repeat(1 << 20)).recordId()).isEqualTo("r");
  }

  private static InvalidRecordException refusal(TextDecoder decoder, String text) {
    byte[] value = utf8("{\"id\":\"r\",\"text\":\"" + text + "\"}");
    return catchThrowableOfType(InvalidRecordException.class, () -> decoder.decode(value));
  }

  @Test
  void refusesAWholeValueThatIsNoText() {
    TextDecoder decoder = decoder(null, 16);

    assertThat(catchThrowableOfType(InvalidRecordException.class, () -> decoder.decode(null)))
        .hasMessageContaining("tombstone");
    assertThat(
            catchThrowableOfType(
                InvalidRecordException.class, () -> decoder.decode(new byte[] {'a', -1})))
        .hasMessage("value is not valid UTF-8 at byte 1");
  }

  @Test
  void takesWordsItDoesNotKnowAsUnknownOnes() throws Exception {
    TextDecoder decoder = decoder(null, 16);

    Decoded decoded = decoder.decode(utf8("my 😀"));

    assertThat(longs(decoder.batch(List.of(decoded)).get(0))).containsExactly(1, 4, 0, 2);
  }

  @Test
  void saysWhichInputOfTheGraphItCannotFill() {
    List<String> problems = new ArrayList<>();
    List<TensorInfo> inputs =
        List.of(
            new TensorInfo("input_ids", ElementType.INT32, new long[] {-1, -1}),
            new TensorInfo("pixel_values", ElementType.FLOAT, new long[] {-1, 3, 8, 8}));

    assertThat(TextDecoder.of(settings(null, 16), inputs, problems)).isNull();
    assertThat(problems).hasSize(2);
    assertThat(problems.get(0)).startsWith("input.tokenizer: ").contains("input_ids INT32");
    assertThat(problems.get(1)).contains("pixel_values");
  }

  @Test
  void saysWhyATokenizerCannotBeLoaded() throws Exception {
    Files.writeString(tokenizer, "{\"version\": \"1.0\"}");
    List<String> problems = new ArrayList<>();

    assertThat(TextDecoder.of(settings(null, 16), INPUTS, problems)).isNull();
    assertThat(problems).singleElement().asString().startsWith("input.tokenizer: ");
  }
}
