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
 * What is said of a record by a task that does not tell one label.
 *
 * @param confidence in [0, 1]
 * @param labels of a task that tells several; null of any other
 * @param estimate of a task that tells a number, likewise
 * @param frozenEstimate by the head that never learns, where comparison is on
 */
public record KindAnswer(
    double confidence,
    @Nullable List<String> labels,
    @Nullable Estimate estimate,
    @Nullable Estimate frozenEstimate) {
  /** Figures that travel with the head of a number: half the interval, on the head's scale. */
  public static final String HALF_WIDTH = "halfWidth";

  /** The least number a head was taught, likewise. */
  public static final String LEAST = "least";

  /** The greatest. */
  public static final String MOST = "most";

  /** 1 - that / half the interval around the mean of all labels. */
  public static final String CONFIDENCE = "confidence";

  /** It as the text of a label; few are asked for, and a number takes a while to write. */
  Scored said() {
    String text =
        labels != null
            ? Label.text(labels)
            : Double.toString(Objects.requireNonNull(estimate, "told where no labels are").value());
    return new Scored(text, confidence);
  }

  /** The labels that are more probable than not. */
  static KindAnswer set(Logits logits) {
    float[] probabilities = logits.sigmoids();
    List<String> labels = new ArrayList<>();
    for (int i = 0; i < probabilities.length; i++) {
      if (probabilities[i] > 0.5) {
        labels.add(logits.head().labels().get(i));
      }
    }
    double least = least(probabilities, Measure.MAX_PROBABILITY);
    return new KindAnswer(least, labels, null, null);
  }

  /** How sure the least certain label is, of being told or of not being. */
  static double least(float[] probabilities, Measure measure) {
    double least = 1;
    for (float p : probabilities) {
      least = Math.min(least, measure.certainty(new float[] {p, 1 - p}));
    }
    return least;
  }

  /**
   * No further beyond what the head was taught than half its interval: where a record's features
   * are far out, a linear head says anything.
   *
   * @param said by the head, on its scale
   */
  public static double within(HeadInfo head, double said) {
    Map<String, Double> known = head.verdict().numbers();
    double beyond = known.getOrDefault(HALF_WIDTH, 0.0);
    double least = known.getOrDefault(LEAST, Double.NEGATIVE_INFINITY) - beyond;
    double most = known.getOrDefault(MOST, Double.POSITIVE_INFINITY) + beyond;
    return Math.max(least, Math.min(most, said));
  }

  static KindAnswer estimate(Kind.Quantity kind, Logits logits) {
    HeadInfo head = logits.head();
    float said = logits.values()[0];
    if (!Float.isFinite(said)) {
      throw logits.notFinite();
    }
    Map<String, Double> known = head.verdict().numbers();
    Double half = known.get(HALF_WIDTH);
    double at = within(head, said);
    double value = kind.value(at);
    Estimate estimate =
        half == null
            ? new Estimate(value, null, null)
            : new Estimate(value, kind.value(at - half), kind.value(at + half));
    return new KindAnswer(known.getOrDefault(CONFIDENCE, 0.0), null, estimate, null);
  }
}
