package dev.headwater.gate;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One labelled sample that neither head trained on, and what each said of it.
 *
 * @param live null where no head was live
 * @param weight 1 / inclusion probability of the sample
 * @param gain 1 where only the candidate is right, -1 where only the live head is, else 0; of masks
 *     the change of IoU, between these
 * @param overlap where the answers are masks; all trials of a judgement have one, or none has
 */
public record Trial(
    String label,
    @Nullable String live,
    String candidate,
    double weight,
    double gain,
    @Nullable Overlap overlap) {
  /** Of labels. */
  public Trial(String label, @Nullable String live, String candidate, double weight) {
    this(
        label,
        live,
        candidate,
        weight,
        (candidate.equals(label) ? 1 : 0) - (label.equals(live) ? 1 : 0),
        null);
  }

  public Trial {
    if (!(weight > 0 && Double.isFinite(weight))) {
      throw new IllegalArgumentException("weight must be positive and finite, got " + weight);
    }
  }

  static boolean ofMasks(Iterable<Trial> trials) {
    for (Trial trial : trials) {
      return trial.overlap != null;
    }
    return false;
  }

  Overlap masks() {
    return Objects.requireNonNull(overlap, "trials of masks and of labels are not mixed");
  }

  Trial gaining(double now) {
    return new Trial(label, live, candidate, weight, now, overlap);
  }
}
