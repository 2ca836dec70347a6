package dev.headwater.adapt.align;

/**
 * A clustering of a window with one cluster per class: a mixture of von Mises-Fisher distributions
 * with a shared concentration (Banerjee et al. 2005). It starts from a head's predictions and is
 * fitted by EM without labels. It separates classes that the head confuses if their features are
 * still separable.
 *
 * @param shares [samples][classes] responsibilities: the probability of each class
 * @param statistics of the clusters found; a class absent from the window keeps its prior
 *     statistics
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record Clustering(double[][] shares, SourceStatistics statistics) {
  private static final double CONCENTRATION = 20;
  private static final int ITERATIONS = 20;

  /** Maximum pseudo-count of a prior direction, so that a class can keep shifting. */
  private static final double MAX_PRIOR_COUNT = 20;

  /** Total responsibility below which a class counts as absent. */
  private static final double MIN_RESPONSIBILITY = 1;

  /**
   * Clusters a window.
   *
   * @param units unit vectors of the window
   * @param probabilities [samples][classes] initial responsibilities
   * @param prior directions of earlier windows, which count as pseudo-samples
   */
  static Clustering of(double[][] units, double[][] probabilities, SourceStatistics prior) {
    double[][] responsibilities = probabilities;
    Fit fit = new Fit(prior);
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
      fit.maximise(units, responsibilities);
      responsibilities = fit.expect(units);
    }
    return new Clustering(responsibilities, fit.statistics(responsibilities));
  }

  /**
   * Returns the log-likelihood of each class under the prior directions alone, up to a constant. A
   * class without a direction gets the maximum of the others.
   */
  static double[] evidence(double[] unit, SourceStatistics prior) {
    double[] evidence = new double[prior.classes()];
    double max = 0;
    for (int c = 0; c < evidence.length; c++) {
      for (int d = 0; d < unit.length; d++) {
        evidence[c] += CONCENTRATION * prior.directions()[c * unit.length + d] * unit[d];
      }
      boolean hasDirection = prior.counts()[c] > 0;
      max = hasDirection ? Math.max(max, evidence[c]) : max;
    }
    for (int c = 0; c < evidence.length; c++) {
      evidence[c] = prior.counts()[c] > 0 ? evidence[c] : max;
    }
    return evidence;
  }

  int label(int sample) {
    return Directions.best(shares[sample]);
  }

  /** The state of the EM iteration. */
  private static final class Fit {
    private final SourceStatistics prior;
    private final int dim;
    private final double[] sums;
    private final double[] counts;
    private double[][] directions = {};

    Fit(SourceStatistics prior) {
      this.prior = prior;
      this.dim = prior.dim();
      sums = new double[prior.classes() * dim];
      counts = new double[prior.classes()];
    }

    void maximise(double[][] units, double[][] responsibilities) {
      for (int c = 0; c < counts.length; c++) {
        counts[c] = Math.min(MAX_PRIOR_COUNT, prior.counts()[c]);
        for (int d = 0; d < dim; d++) {
          sums[c * dim + d] = counts[c] * prior.directions()[c * dim + d];
        }
      }
      for (int i = 0; i < units.length; i++) {
        for (int c = 0; c < counts.length; c++) {
          counts[c] += responsibilities[i][c];
          // most samples belong to a single class
          for (int d = 0; responsibilities[i][c] > 1e-9 && d < dim; d++) {
            sums[c * dim + d] += responsibilities[i][c] * units[i][d];
          }
        }
      }
      directions = new double[counts.length][];
      for (int c = 0; c < counts.length; c++) {
        double[] sum = new double[dim];
        System.arraycopy(sums, c * dim, sum, 0, dim);
        directions[c] = Directions.unit(sum);
      }
    }

    double[][] expect(double[][] units) {
      double[][] responsibilities = new double[units.length][];
      for (int i = 0; i < units.length; i++) {
        double[] logits = new double[counts.length];
        for (int c = 0; c < logits.length; c++) {
          logits[c] =
              counts[c] > MIN_RESPONSIBILITY
                  ? CONCENTRATION * Directions.dot(directions[c], units[i])
                  : -1e3;
        }
        responsibilities[i] = Directions.softmax(logits);
      }
      return responsibilities;
    }

    SourceStatistics statistics(double[][] responsibilities) {
      SourceStatistics updated = SourceStatistics.of(counts.length, dim, sums, counts);
      for (int c = 0; c < counts.length; c++) {
        double total = 0;
        for (double[] row : responsibilities) {
          total += row[c];
        }
        if (total <= MIN_RESPONSIBILITY) {
          System.arraycopy(prior.directions(), c * dim, updated.directions(), c * dim, dim);
        }
        updated.counts()[c] =
            total > MIN_RESPONSIBILITY
                ? (float) (Math.min(MAX_PRIOR_COUNT, prior.counts()[c]) + total)
                : prior.counts()[c];
      }
      return updated;
    }
  }
}
