package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import org.jspecify.annotations.Nullable;

/**
 * A record that an annotator is asked to label.
 *
 * @param payload the record's value as text, or base64 where {@code base64} says so
 * @param prediction what the live head said; null for audit records, so as not to lead the
 *     annotator
 * @param mask likewise of a dense task: a grey PNG in base64, to be corrected
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
  /** Of a task that gives records a label. */
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
