package dev.headwater.gate;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A labelled sample that neither head trained on, with the predictions of both heads.
 *
 * @param live prediction of the live head; null if no head was live
 * @param candidate prediction of the candidate
 * @param weight 1 / inclusion probability of the sample
 * @param gain 1 if only the candidate is correct, -1 if only the live head is, else 0; fractional
 *     for graded outputs; for masks, the change of IoU
 * @param surer log-likelihood of the label under the candidate minus that under the live head, in
 *     nats; 0 if one of them does not have the label
 * @param overlap mask overlap; either all trials of an evaluation have one, or none
 */
public record Trial(
    String label,
    @Nullable String live,
    String candidate,
    double weight,
    double gain,
    double surer,
    @Nullable Overlap overlap) {
  /** Creates the trial of a single-label prediction. */
  public Trial(String label, @Nullable String live, String candidate, double weight) {
    this(
        label,
        live,
        candidate,
        weight,
        (candidate.equals(label) ? 1 : 0) - (label.equals(live) ? 1 : 0));
  }

  public Trial(String label, @Nullable String live, String candidate, double weight, double gain) {
    this(label, live, candidate, weight, gain, 0, null);
  }

  /** Creates the trial of a mask. */
  public Trial(String label, double weight, double gain, Overlap overlap) {
    this(label, label, label, weight, gain, 0, overlap);
  }

  /** Returns whether the gain is fractional, not only correct or wrong. */
  boolean graded() {
    return gain != 0 && Math.abs(gain) != 1;
  }

  public Trial {
    if (!(weight > 0 && Double.isFinite(weight))) {
      throw new IllegalArgumentException("weight must be positive and finite, got " + weight);
    }
  }

  /** Returns the trial with a log-likelihood gain, in nats. */
  public Trial surerBy(double nats) {
    return new Trial(label, live, candidate, weight, gain, nats, overlap);
  }

  static boolean ofMasks(Iterable<Trial> trials) {
    for (Trial trial : trials) {
      return trial.overlap != null;
    }
    return false;
  }

  Overlap masks() {
    return Objects.requireNonNull(overlap, "trials of masks and of labels must not be mixed");
  }

  Trial gaining(double newGain) {
    return new Trial(label, live, candidate, weight, newGain, surer, overlap);
  }
}
