package dev.headwater.bundle;

import java.util.Optional;

/**
 * What of a record a person looks at.
 *
 * @param pointer JSON pointer of the text or of the picture in base64; empty where that is the
 *     whole value, and for numbers and tensors
 */
public record Medium(Kind kind, Optional<String> pointer) {
  /** What it is. */
  public enum Kind {
    TEXT,
    PICTURE,
    NUMBERS,
    /** Bytes that say nothing to a person. */
    TENSOR
  }

  static Medium of(Manifest.Input input) {
    if (input instanceof Manifest.Text text) {
      return new Medium(Kind.TEXT, Optional.ofNullable(text.text()));
    }
    if (input instanceof Manifest.Image image) {
      return new Medium(Kind.PICTURE, Optional.ofNullable(image.image()));
    }
    return new Medium(
        input instanceof Manifest.Tensor ? Kind.TENSOR : Kind.NUMBERS, Optional.empty());
  }
}
