package dev.headwater.bundle;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.TensorInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.format.ValueReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Decodes text to token ids. Texts with more than {@code max-tokens} tokens are truncated, as in
 * training. Texts with more than {@code max-characters} characters are rejected, because they would
 * take too long to tokenise.
 */
final class TextDecoder implements RecordDecoder {
  static final String IDS = "input_ids";
  static final String MASK = "attention_mask";
  static final String TYPES = "token_type_ids";

  /** One record's tokens, including special tokens, unpadded. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  record Tokens(long[] ids, long[] types) implements Decoded.Encoded {
    @Override
    public int length() {
      return ids.length;
    }
  }

  private final HuggingFaceTokenizer tokenizer;
  private final long padId;
  private final List<String> inputs;
  private final int fixedLength;
  private final int maxCharacters;
  private final String field;
  private final @Nullable FieldReader reader;

  /**
   * @param inputs which of the three text inputs the model has
   * @param fixedLength length every text is padded to, in tokens; 0 if the model takes any length
   *     and a mask
   */
  private TextDecoder(
      Manifest.Text settings,
      HuggingFaceTokenizer tokenizer,
      long padId,
      List<String> inputs,
      int fixedLength) {
    this.tokenizer = tokenizer;
    this.padId = padId;
    this.inputs = inputs;
    this.fixedLength = fixedLength;
    maxCharacters = settings.maxCharacters();
    field = settings.text() == null ? "value" : settings.text();
    reader = FieldReader.ofText(settings.id(), settings.labels(), settings.text());
  }

  /** Returns whether padding would change the output of a text: dynamic length without a mask. */
  static boolean seesPadding(List<TensorInfo> inputs) {
    return inputs.get(0).shape()[1] <= 0
        && inputs.stream().noneMatch(input -> input.name().equals(MASK));
  }

  /**
   * Returns a decoder, or null if model or tokenizer do not fit; {@code problems} then has the
   * reason.
   */
  static @Nullable TextDecoder of(
      Manifest.Text settings, List<TensorInfo> inputs, List<String> problems) {
    int before = problems.size();
    List<String> names = inputs.stream().map(TensorInfo::name).toList();
    for (TensorInfo input : inputs) {
      if (!List.of(IDS, MASK, TYPES).contains(input.name())
          || input.type() != ElementType.INT64
          || input.shape().length != 2
          || input.shape()[0] > 0) {
        problems.add(
            "input.tokenizer: a text model takes input_ids, attention_mask and token_type_ids,"
                + " int64 [N, tokens], N dynamic; found "
                + input);
      }
    }
    if (!names.contains(IDS)) {
      problems.add("input.tokenizer: the model has no input input_ids; its inputs are " + names);
    }
    if (problems.size() > before || !Files.isRegularFile(settings.tokenizer())) {
      return null;
    }
    int fixedLength =
        seesPadding(inputs) ? settings.maxTokens() : (int) Math.max(0, inputs.get(0).shape()[1]);
    if (fixedLength > 0 && settings.maxTokens() > fixedLength) {
      problems.add(
          "input.max-tokens: must be at most " + fixedLength + ", the model's fixed length");
    }
    try {
      byte[] json = Files.readAllBytes(settings.tokenizer());
      HuggingFaceTokenizer tokenizer = tokenizer(json, settings.maxTokens());
      int specialTokens = tokenizer.encode("").getIds().length;
      if (settings.maxTokens() <= specialTokens) {
        // there would be no room for the text, or the tokenizer would exceed the limit
        problems.add(
            "input.max-tokens: must be above %s, the number of special tokens"
                .formatted(specialTokens));
        return null;
      }
      return new TextDecoder(settings, tokenizer, padId(json), names, fixedLength);
    } catch (IOException | RuntimeException e) {
      // the native tokenizer reports a file it cannot read as a RuntimeException
      problems.add("input.tokenizer: cannot load " + settings.tokenizer() + ": " + e);
      return null;
    }
  }

  private static HuggingFaceTokenizer tokenizer(byte[] json, int maxTokens) throws IOException {
    String max = Integer.toString(maxTokens);
    Map<String, String> options =
        Map.of(
            "addSpecialTokens", "true",
            "truncation", "true",
            "padding", "false",
            "maxLength", max,
            "modelMaxLength", max);
    return HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(json), options);
  }

  /** Returns the id of the tokenizer's padding token; 0 if its file does not define one. */
  private static long padId(byte[] json) throws IOException {
    JsonNode file = Json.MAPPER.readTree(json);
    for (JsonNode token : file.path("added_tokens")) {
      if (List.of("[PAD]", "<pad>").contains(token.path("content").asText())) {
        return token.path("id").asLong();
      }
    }
    return file.path("padding").path("pad_id").asLong(0);
  }

  @Override
  public Decoded decode(byte @Nullable [] value) throws InvalidRecordException {
    return decode(ValueReader.JSON, value);
  }

  @Override
  public boolean readsFields() {
    return reader != null;
  }

  @Override
  public Decoded decode(ValueReader values, byte @Nullable [] value) throws InvalidRecordException {
    if (reader == null) {
      return new Decoded(null, List.of(), tokens(Utf8.text(value), null));
    }
    FieldReader.Fields fields = reader.read(values, value);
    if (fields.bytes() != null) {
      throw new InvalidRecordException(field, "is bytes, expected a string", fields.id());
    }
    String text = fields.text() == null ? "" : fields.text();
    return new Decoded(fields.id(), fields.labels(), tokens(text, fields.id()));
  }

  private Tokens tokens(String text, @Nullable String id) throws InvalidRecordException {
    if (text.length() > maxCharacters) {
      throw new InvalidRecordException(
          field,
          "has " + text.length() + " characters, more than the limit of " + maxCharacters,
          id);
    }
    if (text.isBlank()) {
      throw new InvalidRecordException(field, "is blank", id);
    }
    if (!Utf8.isText(text)) {
      throw new InvalidRecordException(field, Utf8.NO_TEXT, id);
    }
    // one text at a time, because the tokenizer's batch call starts threads beside our pool; and
    // not tokenizer.encode(), which also fetches unused strings over JNI (docs/design/bundle.md)
    TokenizersLibrary library = TokenizersLibrary.LIB;
    long encoding = library.encode(tokenizer.getHandle(), text, true);
    try {
      if (onlySpecial(library.getSpecialTokenMask(encoding))) {
        throw new InvalidRecordException(field, "contains only special tokens", id);
      }
      return new Tokens(library.getTokenIds(encoding), library.getTypeIds(encoding));
    } finally {
      library.deleteEncoding(encoding);
    }
  }

  private static boolean onlySpecial(long[] special) {
    for (long s : special) {
      if (s == 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public int padded(int longest) {
    return Math.max(fixedLength, longest);
  }

  @Override
  public boolean sameLength() {
    return fixedLength > 0;
  }

  @Override
  public List<ModelInput> batch(List<Decoded> records) {
    List<Tokens> rows = records.stream().map(r -> (Tokens) r.input()).toList();
    int length = padded(rows.stream().mapToInt(Tokens::length).max().orElse(0));
    List<ModelInput> batch = new ArrayList<>(inputs.size());
    for (String input : inputs) {
      batch.add(new ModelInput(input, new long[] {rows.size(), length}, fill(input, rows, length)));
    }
    return batch;
  }

  private LongBuffer fill(String input, List<Tokens> rows, int length) {
    LongBuffer data =
        ByteBuffer.allocateDirect(Math.multiplyExact(rows.size(), length * Long.BYTES))
            .order(ByteOrder.nativeOrder())
            .asLongBuffer();
    long pad = input.equals(IDS) ? padId : 0;
    for (Tokens row : rows) {
      switch (input) {
        case IDS -> data.put(row.ids());
        case TYPES -> data.put(row.types());
        default -> repeat(data, 1, row.length());
      }
      repeat(data, pad, length - row.length());
    }
    return data.flip();
  }

  private static void repeat(LongBuffer data, long value, int times) {
    for (int i = 0; i < times; i++) {
      data.put(value);
    }
  }
}
