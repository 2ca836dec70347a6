package dev.headwater.stream.guard;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.schema.RecordId;
import org.jspecify.annotations.Nullable;

/**
 * Thrown by a processor for one record that can never be processed, before anything was forwarded
 * for it. {@link DeadLetterHandler} turns it into a dead letter and the stream goes on; every other
 * exception stops the task, for it may have left outputs half written.
 */
public final class DeadLetter extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Header with the record's id: on input it names the record, on a dead letter it repeats it. */
  public static final String RECORD_ID_HEADER = RecordId.HEADER;

  /** The record's own time, milliseconds since the epoch. */
  public static final String TIME_HEADER = "headwater-record-time";

  /** Dead-letter header naming the field at fault: a JSON pointer, or {@code value}. */
  public static final String FIELD_HEADER = "headwater-field";

  private final Exception reason;
  private final @Nullable String recordId;

  /**
   * @param reason what the dead letter's cause headers will say
   * @param recordId null where none could be read
   */
  public DeadLetter(Exception reason, @Nullable String recordId) {
    super(null, reason, false, false);
    if (reason instanceof InvalidRecordException) {
      reason.setStackTrace(new StackTraceElement[0]); // foreseen: kilobytes of header for nothing
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
