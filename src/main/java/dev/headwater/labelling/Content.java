package dev.headwater.labelling;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.headwater.bundle.Medium;
import dev.headwater.schema.Json;
import dev.headwater.schema.ReviewItem;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Base64;
import javax.imageio.ImageIO;

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
      case PICTURE -> TextNode.valueOf(dataUri(picture(item)));
      case NUMBERS -> json(item);
    };
  }

  /**
   * @throws IllegalArgumentException where the item's picture has another size
   */
  void requireSize(ReviewItem item, int width, int height) {
    byte[] file = Base64.getDecoder().decode(picture(item));
    BufferedImage image;
    try {
      image = ImageIO.read(new ByteArrayInputStream(file));
    } catch (IOException e) {
      throw new IllegalStateException("a scored picture can be read: " + item.recordId(), e);
    }
    if (image.getWidth() != width || image.getHeight() != height) {
      throw new IllegalArgumentException(
          "the picture of record '%s' is %d x %d, its mask %d x %d: what is painted on it could not be read back. Send pictures of the mask's size, or export as CSV"
              .formatted(item.recordId(), image.getWidth(), image.getHeight(), width, height));
    }
  }

  private String picture(ReviewItem item) {
    return item.base64() ? item.payload() : field(item);
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
