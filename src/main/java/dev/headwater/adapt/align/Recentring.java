package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Verdict;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Corrects a covariate shift that all classes share, such as a dirty lens. It maps mean and
 * deviation of each feature back to the source and folds that transformation into the head.
 *
 * <p>A window's mean also moves if only the class proportions change, or if classes move
 * independently. Correcting those would misplace the classes. A shift is therefore corrected only
 * if
 *
 * <ul>
 *   <li>changed proportions of the source's classes do not explain it ({@link
 *       Mixture#unexplained});
 *   <li>centring the window raises the mutual information of record and label: predictions become
 *       more confident or more diverse (Bridle et al. 1991; Liang et al. 2020). This criterion does
 *       not rescale, because a larger deviation makes any prediction more confident.
 * </ul>
 *
 * <p>It assumes the source's class proportions. If they change together with a shared shift, it
 * overcorrects.
 */
final class Recentring {
  /** Minimum information gain, in standard errors. */
  private static final double MIN_GAIN_ERRORS = 2.5;

  /** Fraction of the shift that class proportions must leave unexplained. */
  private static final double MIN_UNEXPLAINED = 0.06;

  /** Minimum information gain, in nats. */
  private static final double MIN_GAIN_NATS = 0.03;

  /** Factor on both minimum gains while a correction is active (hysteresis). */
  private static final double ACTIVE_FACTOR = 0.2;

  private @Nullable Mixture source;
  private boolean corrected;
  private double unexplained;
  private double informationGain;
  private double informationGainError;

  /**
   * @param source null if the source is unknown
   */
  Recentring(@Nullable Mixture source) {
    this.source = source;
  }

  /** Uses a window as the source if the source is unknown. */
  void begin(Mixture window) {
    source = window;
  }

  /** Returns the source; empty if unknown. */
  Optional<Mixture> source() {
    return Optional.ofNullable(source);
  }

  /** Returns whether changed class proportions explain the shift of the last window. */
  boolean explained() {
    return unexplained <= MIN_UNEXPLAINED;
  }

  /** Returns the verdict on the last window, if its shift was corrected or {@link #explained}. */
  Verdict verdict() {
    Map<String, Double> numbers =
        Map.of(
            "unexplained",
            unexplained,
            "informationGain",
            informationGain,
            "informationGainError",
            informationGainError);
    return corrected
        ? Verdict.of(
            Verdict.Cause.ALIGNED,
            Guard.format(
                "re-centring raises the mutual information by %.2f +/- %.2f nats (no labels used)",
                informationGain, informationGainError),
            0,
            numbers)
        : new Verdict(
            false,
            Guard.format(
                "changed class proportions explain all but %.0f %% of the shift",
                100 * unexplained),
            0,
            numbers);
  }

  /**
   * Returns the anchor corrected for this window; empty if there is no shared shift.
   *
   * @param probabilities [samples][classes] the anchor's probabilities on the window
   * @param differsFromSource false if the window overlaps or adjoins the source window. Its
   *     proportions then explain it trivially, which is not evidence about other windows
   */
  Optional<LinearHead> of(
      LinearHead anchor,
      List<float[]> window,
      double[][] probabilities,
      boolean differsFromSource) {
    Moments now = Moments.of(window);
    Mixture known = Objects.requireNonNull(source, "source");
    unexplained = differsFromSource ? known.unexplained(now) : 1;
    Moments before = known.moments();
    computeGain(
        information(probabilities),
        information(Aligner.opinion(before.centred(anchor, now), window)));
    double minGain =
        Math.max(MIN_GAIN_NATS, MIN_GAIN_ERRORS * informationGainError)
            * (corrected ? ACTIVE_FACTOR : 1);
    LinearHead rescaled = before.rescaled(anchor, now);
    corrected = !explained() && informationGain > minGain && rescaled.finite();
    return corrected ? Optional.of(rescaled) : Optional.empty();
  }

  private void computeGain(double[] baseline, double[] recentred) {
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < baseline.length; i++) {
      double difference = recentred[i] - baseline[i];
      sum += difference;
      squares += difference * difference;
    }
    informationGain = sum / baseline.length;
    informationGainError =
        Math.sqrt(
            Math.max(0, squares / baseline.length - informationGain * informationGain)
                / baseline.length);
  }

  /** Returns each sample's contribution to the mutual information of sample and label, in nats. */
  private static double[] information(double[][] probabilities) {
    double[] marginal = new double[probabilities[0].length];
    for (double[] row : probabilities) {
      for (int c = 0; c < marginal.length; c++) {
        marginal[c] += row[c] / probabilities.length;
      }
    }
    double[] information = new double[probabilities.length];
    for (int i = 0; i < probabilities.length; i++) {
      for (int c = 0; c < marginal.length; c++) {
        double p = probabilities[i][c];
        information[i] += p > 0 ? p * Math.log(p / marginal[c]) : 0;
      }
    }
    return information;
  }
}
