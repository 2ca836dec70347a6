package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the live head said of one record.
 *
 * @param label null while no head is live (a declared cold start)
 * @param confidence probability of {@code label}; 0 while no head is live
 * @param top the most probable labels, best first; empty while no head is live
 * @param headVersion the head that made this prediction; 0 is the bundle's own
 * @param frozen what the head that never learns said of the same record, where comparison is on
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record Prediction(
    String recordId,
    String task,
    @Nullable String label,
    double confidence,
    List<Scored> top,
    long headVersion,
    Source source,
    @Nullable Scored frozen) {

  /** Header naming the head that made a prediction, as decimal text. */
  public static final String HEAD_VERSION_HEADER = "headwater-head-version";
}
