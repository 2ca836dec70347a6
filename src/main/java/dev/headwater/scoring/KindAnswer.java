package dev.headwater.scoring;

import dev.headwater.bundle.Kind;
import dev.headwater.schema.Estimate;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Label;
import dev.headwater.schema.Scored;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The prediction of a multi-label or regression task.
 *
 * @param confidence in [0, 1]
 * @param labels predicted labels of a multi-label task; null for regression
 * @param estimate predicted value of a regression task; null for multi-label
 * @param frozenEstimate value predicted by the frozen head; null unless the comparison is on
 */
public record KindAnswer(
    double confidence,
    @Nullable List<String> labels,
    @Nullable Estimate estimate,
    @Nullable Estimate frozenEstimate) {
  /**
   * Verdict number of a regression head: half the width of the prediction interval, on the head's
   * scale.
   */
  public static final String HALF_WIDTH = "halfWidth";

  /** Verdict number: smallest training label, on the head's scale. */
  public static final String LEAST = "least";

  /** Verdict number: greatest training label, on the head's scale. */
  public static final String MOST = "most";

  /** Verdict number: 1 - {@link #HALF_WIDTH} / half-width of the interval without features. */
  public static final String CONFIDENCE = "confidence";

  /** Returns it as label text. Computed on demand, because formatting a number is slow. */
  Scored best() {
    String text =
        labels != null
            ? Label.text(labels)
            : Double.toString(
                Objects.requireNonNull(estimate, "estimate of a regression task").value());
    return new Scored(text, confidence);
  }

  /** Returns the multi-label prediction: all labels with a probability above 0.5. */
  static KindAnswer set(Logits logits) {
    float[] probabilities = logits.sigmoids();
    List<String> labels = new ArrayList<>();
    for (int i = 0; i < probabilities.length; i++) {
      if (probabilities[i] > 0.5) {
        labels.add(logits.head().labels().get(i));
      }
    }
    double confidence = least(probabilities, Measure.MAX_PROBABILITY);
    return new KindAnswer(confidence, labels, null, null);
  }

  /** Returns the confidence of the least certain label, whether it is predicted or not. */
  static double least(float[] probabilities, Measure measure) {
    double least = 1;
    for (float p : probabilities) {
      least = Math.min(least, measure.confidence(new float[] {p, 1 - p}));
    }
    return least;
  }

  /**
   * Clamps a prediction to the range of the training labels, extended by half the prediction
   * interval. A linear head extrapolates without limit on outlying features.
   *
   * @param predicted on the head's scale
   */
  public static double within(HeadInfo head, double predicted) {
    Map<String, Double> numbers = head.verdict().numbers();
    double margin = numbers.getOrDefault(HALF_WIDTH, 0.0);
    double least = numbers.getOrDefault(LEAST, Double.NEGATIVE_INFINITY) - margin;
    double most = numbers.getOrDefault(MOST, Double.POSITIVE_INFINITY) + margin;
    return Math.max(least, Math.min(most, predicted));
  }

  static KindAnswer estimate(Kind.Quantity kind, Logits logits) {
    HeadInfo head = logits.head();
    float predicted = logits.values()[0];
    if (!Float.isFinite(predicted)) {
      throw logits.notFinite();
    }
    Map<String, Double> numbers = head.verdict().numbers();
    Double halfWidth = numbers.get(HALF_WIDTH);
    double clamped = within(head, predicted);
    double value = kind.value(clamped);
    Estimate estimate =
        halfWidth == null
            ? new Estimate(value, null, null)
            : new Estimate(value, kind.value(clamped - halfWidth), kind.value(clamped + halfWidth));
    return new KindAnswer(numbers.getOrDefault(CONFIDENCE, 0.0), null, estimate, null);
  }
}
