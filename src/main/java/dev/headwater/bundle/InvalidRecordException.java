package dev.headwater.bundle;

import org.jspecify.annotations.Nullable;

/** A record that can never be scored, whatever else happens: it belongs in dead letters. */
public final class InvalidRecordException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String field;
  private final @Nullable String recordId;

  /**
   * @param field JSON pointer of the field at fault, or {@code value} for the whole value
   * @param cause what is wrong with it, without the field's content
   * @param recordId null where it could not be read
   */
  public InvalidRecordException(String field, String cause, @Nullable String recordId) {
    super(field + " " + cause);
    this.field = field;
    this.recordId = recordId;
  }

  /** JSON pointer of the field at fault, or {@code value} for the whole value. */
  public String field() {
    return field;
  }

  /** The record's id, null where it could not be read. */
  public @Nullable String recordId() {
    return recordId;
  }
}
