package dev.headwater.labelling;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.headwater.bundle.Medium;
import dev.headwater.schema.Json;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.format.ValueReader;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Base64;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.jspecify.annotations.Nullable;

/** The displayed form of a record: its text, image or fields, or the bytes of a tensor. */
record Content(Medium medium) {
  /** Returns the data key in Label Studio, which is also the column in CSV. */
  String key() {
    return switch (medium.kind()) {
      case TEXT -> "text";
      case PICTURE -> "image";
      case NUMBERS, TENSOR -> "record";
    };
  }

  /**
   * Returns text, a data URI for an image, base64 for a tensor, or the record as JSON. A payload
   * that does not fit is returned unchanged: the bundle may have changed since the record was
   * scored, and one record must not block the labelling of the others.
   */
  JsonNode of(ReviewItem item) {
    return switch (medium.kind()) {
      case TEXT -> TextNode.valueOf(field(item));
      case PICTURE -> TextNode.valueOf(dataUri(picture(item)));
      case NUMBERS -> json(item).orElseGet(() -> TextNode.valueOf(item.payload()));
      case TENSOR -> TextNode.valueOf(base64(item));
    };
  }

  /**
   * Checks the size of an item's image.
   *
   * @throws IllegalArgumentException if the item has no image, or one of another size
   */
  void requireSize(ReviewItem item, int width, int height) {
    BufferedImage image = image(item);
    if (image == null) {
      throw new IllegalArgumentException(
          "record '%s' has no readable image to paint on: export as CSV instead"
              .formatted(item.recordId()));
    }
    if (image.getWidth() != width || image.getHeight() != height) {
      throw new IllegalArgumentException(
          "the image of record '%s' is %d x %d, but masks are %d x %d: send images of the mask's size, or export as CSV"
              .formatted(item.recordId(), image.getWidth(), image.getHeight(), width, height));
    }
  }

  private @Nullable BufferedImage image(ReviewItem item) {
    try {
      byte[] file = Base64.getDecoder().decode(picture(item));
      return ImageIO.read(new ByteArrayInputStream(file));
    } catch (IllegalArgumentException | IOException e) {
      return null;
    }
  }

  private String picture(ReviewItem item) {
    return medium.pointer().isPresent() ? field(item) : base64(item);
  }

  private String field(ReviewItem item) {
    return medium
        .pointer()
        .flatMap(pointer -> json(item).map(record -> record.at(pointer).asText()))
        .orElse(item.payload());
  }

  /** Parses the record with the lenient reader that scoring uses; empty if that fails. */
  private static Optional<JsonNode> json(ReviewItem item) {
    try (JsonParser parser = ValueReader.JSON.open(bytes(item))) {
      JsonNode record = Json.MAPPER.reader().readTree(parser);
      return Optional.ofNullable(record);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Returns the payload as base64; a payload that was valid UTF-8 is stored as text. */
  private static String base64(ReviewItem item) {
    return item.base64() ? item.payload() : Base64.getEncoder().encodeToString(bytes(item));
  }

  private static byte[] bytes(ReviewItem item) {
    return item.base64()
        ? Base64.getDecoder().decode(item.payload())
        : item.payload().getBytes(UTF_8);
  }

  private static String dataUri(String base64) {
    byte[] start;
    try {
      start = Base64.getDecoder().decode(base64.substring(0, Math.min(base64.length(), 12)));
    } catch (IllegalArgumentException e) {
      return base64; // not an image
    }
    boolean png = new String(start, UTF_8).contains("PNG");
    return "data:image/%s;base64,%s".formatted(png ? "png" : "jpeg", base64);
  }
}
