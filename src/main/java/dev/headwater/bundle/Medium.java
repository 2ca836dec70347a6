package dev.headwater.bundle;

import java.util.Optional;

/**
 * The part of a record that is shown to annotators.
 *
 * @param pointer JSON pointer of the text or of the base64 image; empty if that is the whole value,
 *     and for numbers and tensors
 */
public record Medium(Kind kind, Optional<String> pointer) {
  /** Type of the content. */
  public enum Kind {
    TEXT,
    PICTURE,
    NUMBERS,
    /** Raw bytes, which cannot be displayed. */
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
