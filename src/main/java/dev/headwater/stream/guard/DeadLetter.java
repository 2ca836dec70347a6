package dev.headwater.stream.guard;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.RecordId;
import org.jspecify.annotations.Nullable;

/**
 * Thrown by a processor for an invalid record, before anything was forwarded for it. {@link
 * DeadLetterHandler} converts it to a dead letter and processing continues. Any other exception
 * stops the task, because only some of the outputs may have been forwarded.
 */
public final class DeadLetter extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Header with the record id, on input records and dead letters. */
  public static final String RECORD_ID_HEADER = RecordId.HEADER;

  /** Dead-letter header with the timestamp of the record, milliseconds since the epoch. */
  public static final String TIME_HEADER = "headwater-record-time";

  /** Dead-letter header with the invalid field: a JSON pointer, or {@code value}. */
  public static final String FIELD_HEADER = "headwater-field";

  private final Exception reason;
  private final @Nullable String recordId;

  /**
   * @param reason cause for the headers of the dead letter
   * @param recordId null if it could not be read
   */
  public DeadLetter(Exception reason, @Nullable String recordId) {
    super(null, reason, false, false);
    if (reason instanceof InvalidRecordException) {
      reason.setStackTrace(new StackTraceElement[0]); // would add kilobytes to the header
    }
    this.reason = reason;
    this.recordId = recordId;
  }

  Exception reason() {
    return reason;
  }

  @Nullable String recordId() {
    return recordId;
  }

  String field() {
    return reason instanceof InvalidRecordException invalid ? invalid.field() : "value";
  }
}
