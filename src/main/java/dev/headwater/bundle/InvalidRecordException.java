package dev.headwater.bundle;

import org.jspecify.annotations.Nullable;

/** Thrown for a record that can never be scored; it belongs on the dead-letters topic. */
public final class InvalidRecordException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String field;
  private final @Nullable String recordId;

  /**
   * @param field JSON pointer of the invalid field, or {@code value} for the whole value
   * @param cause what is wrong, as the rest of a sentence that starts with the field; it must not
   *     quote the field's content
   * @param recordId null if it could not be read
   */
  public InvalidRecordException(String field, String cause, @Nullable String recordId) {
    super(field + " " + cause);
    this.field = field;
    this.recordId = recordId;
  }

  /** Returns the JSON pointer of the invalid field, or {@code value} for the whole value. */
  public String field() {
    return field;
  }

  /** Returns the record's id, or null if it could not be read. */
  public @Nullable String recordId() {
    return recordId;
  }
}
