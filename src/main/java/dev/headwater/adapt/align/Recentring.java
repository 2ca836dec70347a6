package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Verdict;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Undoes a shift that all classes share, as of a lens that got dirty: mean and spread of each
 * feature are brought back to where they were at the source, and that is folded into the head.
 *
 * <p>A window's mean moves as well where only the proportions of its classes do, or where classes
 * move apart, and to undo that would drag them off their places. So it is undone only where both
 * hold:
 *
 * <ul>
 *   <li>no other proportions of the source's classes explain it ({@link Mixture#unexplained});
 *   <li>once the window is centred, answers are more decided or more varied, by the mutual
 *       information of record and label (Bridle et al. 1991; Liang et al. 2020). Centred only, for
 *       a spread that is enlarged makes any answer more decided.
 * </ul>
 *
 * <p>It takes the proportions for the source's: where they change at the same time as all classes
 * shift, it overdoes it.
 */
final class Recentring {
  /** Standard errors by which information must be gained. */
  private static final double GAIN = 2.5;

  /** Share of the shift that proportions must leave unexplained. */
  private static final double UNEXPLAINED = 0.06;

  /** Nats by which information must be gained, too. */
  private static final double LEAST = 0.03;

  /** Share of both that lasts: what was begun is not given up for little. */
  private static final double LASTING = 0.2;

  private @Nullable Mixture source;
  private boolean moved;
  private double unexplained;
  private double gained;
  private double error;

  /**
   * @param source null where it is not known
   */
  Recentring(@Nullable Mixture source) {
    this.source = source;
  }

  /** A window takes the place of a source that is not known. */
  void begin(Mixture window) {
    source = window;
  }

  /** Empty where it is not known. */
  Optional<Mixture> source() {
    return Optional.ofNullable(source);
  }

  /** Whether other proportions of the source's classes are all that the last window shows. */
  boolean explained() {
    return unexplained <= UNEXPLAINED;
  }

  /** On the last window, where a shift was undone or {@link #explained}. */
  Verdict verdict() {
    Map<String, Double> numbers =
        Map.of(
            "unexplained", unexplained, "informationGain", gained, "informationGainError", error);
    return moved
        ? Verdict.of(
            Verdict.Cause.ALIGNED,
            Guard.format(
                "centred where the source lay, its answers tell %.2f nats more, give or take %.2f; no label was asked",
                gained, error),
            0,
            numbers)
        : new Verdict(
            false,
            Guard.format(
                "other proportions of the same classes explain all but %.0f %% of what is different",
                100 * unexplained),
            0,
            numbers);
  }

  /**
   * The anchor for this window; empty where there is no shift to undo.
   *
   * @param opinion what it says of the window, [samples][classes]
   * @param another whether it is not the window that the source is of, or next to it: that is
   *     explained by itself, and says nothing of any other
   */
  Optional<LinearHead> of(
      LinearHead anchor, List<float[]> window, double[][] opinion, boolean another) {
    Moments now = Moments.of(window);
    Mixture known = Objects.requireNonNull(source, "begun with");
    unexplained = another ? known.unexplained(now) : 1;
    Moments before = known.moments();
    gain(information(opinion), information(Aligner.opinion(before.centred(anchor, now), window)));
    double wanted = Math.max(LEAST, GAIN * error) * (moved ? LASTING : 1);
    LinearHead rescaled = before.rescaled(anchor, now);
    moved = !explained() && gained > wanted && rescaled.finite();
    return moved ? Optional.of(rescaled) : Optional.empty();
  }

  private void gain(double[] had, double[] has) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < had.length; i++) {
      double more = has[i] - had[i];
      sum += more;
      squares += more * more;
    }
    gained = sum / had.length;
    error = Math.sqrt(Math.max(0, squares / had.length - gained * gained) / had.length);
  }

  /** What each sample's answer tells beyond what all of them tell together, in nats. */
  private static double[] information(double[][] opinion) {
    double[] all = new double[opinion[0].length];
    for (double[] row : opinion) {
      for (int c = 0; c < all.length; c++) {
        all[c] += row[c] / opinion.length;
      }
    }
    double[] information = new double[opinion.length];
    for (int i = 0; i < opinion.length; i++) {
      for (int c = 0; c < all.length; c++) {
        double p = opinion[i][c];
        information[i] += p > 0 ? p * Math.log(p / all[c]) : 0;
      }
    }
    return information;
  }
}
