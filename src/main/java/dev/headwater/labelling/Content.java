package dev.headwater.labelling;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.headwater.bundle.Medium;
import dev.headwater.schema.Json;
import dev.headwater.schema.ReviewItem;
import java.io.IOException;
import java.util.Base64;

/** A record as a person sees it: its text, its picture, or its fields. */
record Content(Medium medium) {
  /** What Label Studio's tag for it shows, and its column in CSV. */
  String key() {
    return switch (medium.kind()) {
      case TEXT -> "text";
      case PICTURE -> "image";
      case NUMBERS -> "record";
    };
  }

  /** Text; of a picture a data URI; else the record as JSON. */
  JsonNode of(ReviewItem item) {
    return switch (medium.kind()) {
      case TEXT -> TextNode.valueOf(field(item));
      case PICTURE -> TextNode.valueOf(dataUri(item.base64() ? item.payload() : field(item)));
      case NUMBERS -> json(item);
    };
  }

  private String field(ReviewItem item) {
    return medium.pointer().map(pointer -> json(item).at(pointer).asText()).orElse(item.payload());
  }

  private static JsonNode json(ReviewItem item) {
    try {
      return Json.MAPPER.readTree(
          item.base64() ? Json.MAPPER.writeValueAsString(item.payload()) : item.payload());
    } catch (IOException e) {
      throw new IllegalStateException("a scored record can be read: " + item.recordId(), e);
    }
  }

  private static String dataUri(String base64) {
    byte[] start = Base64.getDecoder().decode(base64.substring(0, Math.min(base64.length(), 12)));
    boolean png = new String(start, UTF_8).contains("PNG");
    return "data:image/%s;base64,%s".formatted(png ? "png" : "jpeg", base64);
  }
}
