package dev.headwater.schema.format;

import java.io.IOException;

/** A value that is not what its topic holds, and never will be. */
public final class UnreadableValueException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * @param reason what is wrong with the value, without its content; reads on after its name
   */
  UnreadableValueException(String reason) {
    super(reason);
  }
}
