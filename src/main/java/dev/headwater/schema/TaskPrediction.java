package dev.headwater.schema;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The prediction of the live head for one record and one task.
 *
 * @param label null while no head is live (a declared cold start), and for tasks whose output is
 *     not a single label
 * @param confidence probability of {@code label}. Multi-label task: probability of the least
 *     certain label. Dense task: mean over the pixels. Regression task: 1 - width of the interval /
 *     width without knowledge of the record. 0 while no head is live
 * @param top the most probable labels, best first; empty while no head is live
 * @param headVersion version of the head behind this prediction; 0 is the head of the bundle
 * @param frozen prediction of the frozen head for the same record, if comparison is on
 * @param mask output of a dense task, instead of {@code label}: a greyscale PNG in base64
 * @param shares fraction of the mask's pixels by label
 * @param leastConfidence confidence of the mask's least certain pixel
 * @param frozenMask mask of the frozen head, if comparison is on
 * @param labels output of a multi-label task, instead of {@code label}
 * @param estimate output of a regression task, instead of {@code label}
 * @param frozenEstimate estimate of the frozen head, if comparison is on
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

  /** Creates the prediction of a single-label task. */
  public TaskPrediction(
      String task,
      @Nullable String label,
      double confidence,
      List<Scored> top,
      long headVersion,
      @Nullable Scored frozen) {
    this(task, label, confidence, top, headVersion, frozen, null, null, null);
  }

  /** Creates the prediction of a single-label, multi-label or regression task. */
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

  /** Creates the prediction of a dense task. */
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

  /** Returns the output in the text form of a label; null while no head is live. */
  public @Nullable String predictedLabel() {
    if (labels != null) {
      return Label.text(labels);
    }
    return estimate != null ? Double.toString(estimate.value()) : label != null ? label : mask;
  }

  /** Returns whether a head was live. */
  @JsonIgnore
  public boolean made() {
    return label != null || mask != null || labels != null || estimate != null;
  }
}
