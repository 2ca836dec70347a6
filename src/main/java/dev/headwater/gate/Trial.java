package dev.headwater.gate;

import org.jspecify.annotations.Nullable;

/**
 * One labelled sample that neither head trained on, and what each said of it.
 *
 * @param live null where no head was live
 * @param weight 1 / inclusion probability of the sample
 */
public record Trial(String label, @Nullable String live, String candidate, double weight) {

  public Trial {
    if (!(weight > 0 && Double.isFinite(weight))) {
      throw new IllegalArgumentException("weight must be positive and finite, got " + weight);
    }
  }

  /** 1 where only the candidate is right, -1 where only the live head is, else 0. */
  int gain() {
    return (candidate.equals(label) ? 1 : 0) - (label.equals(live) ? 1 : 0);
  }
}
