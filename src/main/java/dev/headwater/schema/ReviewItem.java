package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * A label request: a record for an annotator to label.
 *
 * @param payload the record's value as text, or base64 if {@code base64} is true
 * @param prediction prediction of the live head; null for audit records, so that it does not bias
 *     the annotator
 * @param mask predicted mask of a dense task, a greyscale PNG in base64; null as for {@code
 *     prediction}
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ReviewItem(
    String recordId,
    String task,
    Reason reason,
    String payload,
    boolean base64,
    @Nullable Scored prediction,
    Source source,
    @Nullable String mask) {
  /** Creates a label request without a mask. */
  public ReviewItem(
      String recordId,
      String task,
      Reason reason,
      String payload,
      boolean base64,
      @Nullable Scored prediction,
      Source source) {
    this(recordId, task, reason, payload, base64, prediction, source, null);
  }
}
