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

/** A record as a person sees it: its text, its picture, or its fields; of a tensor its bytes. */
record Content(Medium medium) {
  /** What Label Studio's tag for it shows, and its column in CSV. */
  String key() {
    return switch (medium.kind()) {
      case TEXT -> "text";
      case PICTURE -> "image";
      case NUMBERS, TENSOR -> "record";
    };
  }

  /**
   * Text; of a picture a data URI; of a tensor base64; else the record as JSON. What is none of
   * these, now that the bundle may be another than scored it, is shown as it came: one record must
   * not keep the others from being labelled.
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
   * @throws IllegalArgumentException where the item has no picture, or one of another size
   */
  void requireSize(ReviewItem item, int width, int height) {
    BufferedImage image = image(item);
    if (image == null) {
      throw new IllegalArgumentException(
          "record '%s' has no picture that can be painted on. Export as CSV"
              .formatted(item.recordId()));
    }
    if (image.getWidth() != width || image.getHeight() != height) {
      throw new IllegalArgumentException(
          "the picture of record '%s' is %d x %d, its mask %d x %d: what is painted on it could not be read back. Send pictures of the mask's size, or export as CSV"
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

  /** By what scoring reads records with, which takes more than JSON; empty where it cannot. */
  private static Optional<JsonNode> json(ReviewItem item) {
    try (JsonParser parser = ValueReader.JSON.open(bytes(item))) {
      JsonNode record = Json.MAPPER.reader().readTree(parser);
      return Optional.ofNullable(record);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** Bytes that happen to be UTF-8 came as text. */
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
      return base64; // no picture
    }
    boolean png = new String(start, UTF_8).contains("PNG");
    return "data:image/%s;base64,%s".formatted(png ? "png" : "jpeg", base64);
  }
}
