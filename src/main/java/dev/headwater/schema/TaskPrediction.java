package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the live head said of one record for one task.
 *
 * @param label null while no head is live (a declared cold start), and where the task tells no one
 *     label
 * @param confidence probability of {@code label}; of several labels that of the least certain, of a
 *     mask the mean over its pixels, of a number 1 - the width of its interval / the width it would
 *     have if nothing of the record were known; 0 while no head is live
 * @param top the most probable labels, best first; empty while no head is live
 * @param headVersion the head that made this prediction; 0 is the bundle's own
 * @param frozen what the head that never learns said of the same record, where comparison is on
 * @param mask of a dense task, in place of {@code label}: a grey PNG in base64
 * @param shares of the pixels that each label has, where there is a mask
 * @param leastConfidence of its least sure pixel
 * @param frozenMask the mask of the head that never learns, where comparison is on
 * @param labels of a multi-label task, in place of {@code label}
 * @param estimate of a regression task, in place of {@code label}
 * @param frozenEstimate of the head that never learns, where comparison is on
 */
public record TaskPrediction(
    String task,
    @Nullable String label,
    double confidence,
    List<Scored> top,
    long headVersion,
    @Nullable Scored frozen,
    @Nullable String mask,
    @Nullable Map<String, Double> shares,
    @Nullable Double leastConfidence,
    @Nullable String frozenMask,
    @Nullable List<String> labels,
    @Nullable Estimate estimate,
    @Nullable Estimate frozenEstimate) {

  /** One label for the record. */
  public TaskPrediction(
      String task,
      @Nullable String label,
      double confidence,
      List<Scored> top,
      long headVersion,
      @Nullable Scored frozen) {
    this(task, label, confidence, top, headVersion, frozen, null, null, null);
  }

  /** A label for the record, several, or a number. */
  public TaskPrediction(
      String task,
      @Nullable String label,
      double confidence,
      List<Scored> top,
      long headVersion,
      @Nullable Scored frozen,
      @Nullable List<String> labels,
      @Nullable Estimate estimate,
      @Nullable Estimate frozenEstimate) {
    this(
        task,
        label,
        confidence,
        top,
        headVersion,
        frozen,
        null,
        null,
        null,
        null,
        labels,
        estimate,
        frozenEstimate);
  }

  /** A label for each pixel of the record. */
  public TaskPrediction(
      String task,
      double confidence,
      long headVersion,
      @Nullable String mask,
      @Nullable Map<String, Double> shares,
      @Nullable Double leastConfidence,
      @Nullable String frozenMask) {
    this(
        task,
        null,
        confidence,
        List.of(),
        headVersion,
        null,
        mask,
        shares,
        leastConfidence,
        frozenMask,
        null,
        null,
        null);
  }

  /** The answer as the text of a label; null while no head is live. */
  public @Nullable String said() {
    if (labels != null) {
      return Label.text(labels);
    }
    return estimate != null ? Double.toString(estimate.value()) : label != null ? label : mask;
  }

  /** Whether a head was live. */
  @JsonIgnore
  public boolean made() {
    return label != null || mask != null || labels != null || estimate != null;
  }
}
