package dev.headwater.schema.format;

import java.io.IOException;

/** Thrown when a value is not in the format of its topic; retrying cannot help. */
public final class UnreadableValueException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param reason what is wrong with the value, without its content; a predicate such as "is
   *     empty", which follows the name of the value
   */
  UnreadableValueException(String reason) {
    super(reason);
  }
}
