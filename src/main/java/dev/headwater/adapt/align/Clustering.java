package dev.headwater.adapt.align;

/**
 * A window of directions sorted into one cluster a class: a mixture of von Mises-Fisher
 * distributions of one concentration (Banerjee et al. 2005), started from what a head says of them
 * and fitted without any label. Classes that a head confuses but that still lie apart come apart.
 *
 * @param shares [samples][classes] probability that a sample is of a class
 * @param statistics of the clusters found; a class the window lacks keeps what was carried
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record Clustering(double[][] shares, SourceStatistics statistics) {
  private static final double CONCENTRATION = 20;
  private static final int ROUNDS = 20;

  /** Samples a carried direction counts as at most: a class may move on. */
  private static final double CARRIED = 20;

  /** Samples' worth of probability below which a class is not there. */
  private static final double PRESENT = 1;

  /**
   * @param units of the window
   * @param opinion [samples][classes] probabilities to start from
   * @param carried directions of earlier windows, which count as samples here
   */
  static Clustering of(double[][] units, double[][] opinion, SourceStatistics carried) {
    double[][] shares = opinion;
    Fit fit = new Fit(carried);
    for (int round = 0; round < ROUNDS; round++) {
      fit.move(units, shares);
      shares = fit.shares(units);
    }
    return new Clustering(shares, fit.statistics(shares));
  }

  /**
   * Log-odds of each class by the carried directions alone; a class without one is as likely as
   * any.
   */
  static double[] evidence(double[] unit, SourceStatistics carried) {
    double[] evidence = new double[carried.classes()];
    double most = 0;
    for (int c = 0; c < evidence.length; c++) {
      for (int d = 0; d < unit.length; d++) {
        evidence[c] += CONCENTRATION * carried.directions()[c * unit.length + d] * unit[d];
      }
      boolean seen = carried.counts()[c] > 0;
      most = seen ? Math.max(most, evidence[c]) : most;
    }
    for (int c = 0; c < evidence.length; c++) {
      evidence[c] = carried.counts()[c] > 0 ? evidence[c] : most;
    }
    return evidence;
  }

  int label(int sample) {
    return Directions.best(shares[sample]);
  }

  /** Directions under way between two rounds. */
  private static final class Fit {
    private final SourceStatistics carried;
    private final int dim;
    private final double[] sums;
    private final double[] counts;
    private double[][] directions = {};

    Fit(SourceStatistics carried) {
      this.carried = carried;
      this.dim = carried.dim();
      sums = new double[carried.classes() * dim];
      counts = new double[carried.classes()];
    }

    void move(double[][] units, double[][] shares) {
      for (int c = 0; c < counts.length; c++) {
        counts[c] = Math.min(CARRIED, carried.counts()[c]);
        for (int d = 0; d < dim; d++) {
          sums[c * dim + d] = counts[c] * carried.directions()[c * dim + d];
        }
      }
      for (int i = 0; i < units.length; i++) {
        for (int c = 0; c < counts.length; c++) {
          counts[c] += shares[i][c];
          // most are of one class alone
          for (int d = 0; shares[i][c] > 1e-9 && d < dim; d++) {
            sums[c * dim + d] += shares[i][c] * units[i][d];
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

    double[][] shares(double[][] units) {
      double[][] shares = new double[units.length][];
      for (int i = 0; i < units.length; i++) {
        double[] logits = new double[counts.length];
        for (int c = 0; c < logits.length; c++) {
          logits[c] =
              counts[c] > PRESENT ? CONCENTRATION * Directions.dot(directions[c], units[i]) : -1e3;
        }
        shares[i] = Directions.softmax(logits);
      }
      return shares;
    }

    SourceStatistics statistics(double[][] shares) {
      SourceStatistics found = SourceStatistics.of(counts.length, dim, sums, counts);
      for (int c = 0; c < counts.length; c++) {
        double here = 0;
        for (double[] share : shares) {
          here += share[c];
        }
        if (here <= PRESENT) {
          System.arraycopy(carried.directions(), c * dim, found.directions(), c * dim, dim);
        }
        found.counts()[c] =
            here > PRESENT
                ? (float) (Math.min(CARRIED, carried.counts()[c]) + here)
                : carried.counts()[c];
      }
      return found;
    }
  }
}
