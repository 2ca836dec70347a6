package dev.headwater.gate;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One labelled sample that neither head trained on, and what each said of it.
 *
 * @param live null where no head was live
 * @param weight 1 / inclusion probability of the sample
 * @param gain 1 where only the candidate is right, -1 where only the live head is, else 0; or what
 *     lies between, where answers are better or worse; of masks the change of IoU
 * @param surer log-likelihood of the label under the candidate, less that under the live head, in
 *     nats; 0 where one of them does not know the label
 * @param overlap where the answers are masks; all trials of a judgement have one, or none has
 */
public record Trial(
    String label,
    @Nullable String live,
    String candidate,
    double weight,
    double gain,
    double surer,
    @Nullable Overlap overlap) {
  /** Of labels. */
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

  /** Of masks. */
  public Trial(String label, double weight, double gain, Overlap overlap) {
    this(label, label, label, weight, gain, 0, overlap);
  }

  /** Whether answers to it are better or worse, instead of right or wrong. */
  boolean graded() {
    return gain != 0 && Math.abs(gain) != 1;
  }

  public Trial {
    if (!(weight > 0 && Double.isFinite(weight))) {
      throw new IllegalArgumentException("weight must be positive and finite, got " + weight);
    }
  }

  /** With a log-likelihood gained, in nats. */
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
    return Objects.requireNonNull(overlap, "trials of masks and of labels are not mixed");
  }

  Trial gaining(double now) {
    return new Trial(label, live, candidate, weight, now, surer, overlap);
  }
}
