package dev.headwater.heads;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Json;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Safetensors;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Encodes heads as safetensors, and the manifests and pointers of the heads topic as JSON. */
final class HeadCodec {
  static final String GOLDEN_FEATURES = "golden.features";
  static final String GOLDEN_LOGITS = "golden.logits";

  private HeadCodec() {}

  /** Encodes a head as one safetensors file. */
  static byte[] write(Head head) {
    Map<String, Tensor> tensors = new LinkedHashMap<>(head.tensors());
    if (tensors.put(GOLDEN_FEATURES, head.goldenFeatures()) != null
        || tensors.put(GOLDEN_LOGITS, head.goldenLogits()) != null) {
      throw new IllegalArgumentException(
          "reserved names of head graph inputs: " + GOLDEN_FEATURES + ", " + GOLDEN_LOGITS);
    }
    head.source()
        .forEach(
            (name, tensor) -> {
              if (!name.startsWith(Head.SOURCE) || tensors.put(name, tensor) != null) {
                throw new IllegalArgumentException(
                    "invalid name for source statistics: "
                        + name
                        + ", expected a unique name with prefix "
                        + Head.SOURCE);
              }
            });
    HeadInfo info = head.info();
    return Safetensors.write(
        tensors,
        Map.of(
            "task", info.task(),
            "version", Long.toString(info.version()),
            "parent", Long.toString(info.parent()),
            "labels", text(info.labels()),
            "backbone", info.backbone(),
            "created", info.createdAt().toString(),
            "trigger", info.trigger(),
            "device", info.device(),
            "verdict", text(info.verdict())));
  }

  /** Decodes the output of {@link #write}; rejects anything else. */
  static Head read(byte[] bytes) throws RejectedHeadException {
    Safetensors.Contents file = Safetensors.read(bytes);
    Map<String, Tensor> tensors = new LinkedHashMap<>(file.tensors());
    Tensor features = tensors.remove(GOLDEN_FEATURES);
    Tensor logits = tensors.remove(GOLDEN_LOGITS);
    if (features == null || logits == null) {
      throw new RejectedHeadException(
          "The head lacks " + GOLDEN_FEATURES + " or " + GOLDEN_LOGITS + ".");
    }
    Map<String, Tensor> source = new LinkedHashMap<>();
    tensors.forEach(
        (name, tensor) -> {
          if (name.startsWith(Head.SOURCE)) {
            source.put(name, tensor);
          }
        });
    tensors.keySet().removeAll(source.keySet());
    return new Head(info(file.metadata()), tensors, features, logits, source);
  }

  static byte[] json(Object value) {
    try {
      return Json.MAPPER.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("failed to write as JSON: " + value, e);
    }
  }

  /** Parses a manifest or pointer; {@code key} is only used in messages. */
  static <T> T parse(byte[] json, Class<T> type, String key) throws RejectedHeadException {
    try {
      T value = Json.MAPPER.readValue(json, type);
      if (value != null) {
        return value;
      }
      throw new RejectedHeadException("The record '" + key + "' is null.");
    } catch (JsonProcessingException e) {
      throw new RejectedHeadException(
          "The record '%s' is not valid JSON for its type: %s."
              .formatted(key, e.getOriginalMessage()));
    } catch (IOException e) {
      throw new RejectedHeadException(
          "The record '" + key + "' is unreadable: " + e.getMessage() + ".");
    }
  }

  static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("SHA-256 is not available", e);
    }
  }

  private static HeadInfo info(Map<String, String> metadata) throws RejectedHeadException {
    try {
      return new HeadInfo(
          value(metadata, "task"),
          Long.parseLong(value(metadata, "version")),
          Long.parseLong(value(metadata, "parent")),
          Json.MAPPER.readValue(value(metadata, "labels"), new TypeReference<List<String>>() {}),
          value(metadata, "backbone"),
          Instant.parse(value(metadata, "created")),
          value(metadata, "trigger"),
          value(metadata, "device"),
          Json.MAPPER.readValue(value(metadata, "verdict"), Verdict.class));
    } catch (JsonProcessingException e) {
      throw new RejectedHeadException(
          "The head's labels or verdict are not valid JSON for their type: "
              + e.getOriginalMessage()
              + ".");
    } catch (NumberFormatException | DateTimeParseException | NullPointerException e) {
      throw new RejectedHeadException("The head's metadata is unreadable: " + e.getMessage() + ".");
    }
  }

  private static String value(Map<String, String> metadata, String key)
      throws RejectedHeadException {
    @Nullable String value = metadata.get(key);
    if (value == null) {
      throw new RejectedHeadException("The head's metadata lacks '" + key + "'.");
    }
    return value;
  }

  private static String text(Object value) {
    return new String(json(value), StandardCharsets.UTF_8);
  }
}
