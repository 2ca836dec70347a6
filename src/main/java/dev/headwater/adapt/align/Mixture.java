package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.Batch;
import java.util.Arrays;
import java.util.List;

/**
 * The features of a source as a mixture of its classes. The arrays are not copied: whoever makes
 * one gives them away.
 *
 * @param shares [classes] of the samples
 * @param means [classes, dim] of the features of each class, row-major
 * @param spread [dim] standard deviations over all of them
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record Mixture(float[] shares, float[] means, float[] spread) {
  /** Of the middling spread within classes: what hardly varies there does not decide. */
  private static final double FLOOR = 0.01;

  /** Samples that lie in the middle of all, for a class that has none to lie anywhere. */
  private static final double PRIOR = 0.1;

  private static final int STEPS = 1000;

  /** Of labelled samples, each of which counts as one. */
  public static Mixture of(Batch labelled, int classes) {
    double[][] known = new double[labelled.size()][classes];
    for (int i = 0; i < known.length; i++) {
      known[i][labelled.classes()[i]] = 1;
    }
    return of(labelled.features(), known);
  }

  /**
   * @param samples at least one
   * @param opinion [samples][classes] the probability of each class
   */
  static Mixture of(List<float[]> samples, double[][] opinion) {
    int classes = opinion[0].length;
    int dim = samples.get(0).length;
    double[] counts = new double[classes];
    double[] sums = new double[classes * dim];
    for (int i = 0; i < opinion.length; i++) {
      float[] sample = samples.get(i);
      for (int c = 0; c < classes; c++) {
        double p = opinion[i][c];
        counts[c] += p;
        for (int d = 0; p > 0 && d < dim; d++) {
          sums[c * dim + d] += p * sample[d];
        }
      }
    }
    Moments all = Moments.of(samples);
    float[] shares = new float[classes];
    float[] means = new float[classes * dim];
    for (int c = 0; c < classes; c++) {
      shares[c] = (float) (counts[c] / opinion.length);
      for (int d = 0; d < dim; d++) {
        means[c * dim + d] =
            (float) ((sums[c * dim + d] + PRIOR * all.mean()[d]) / (counts[c] + PRIOR));
      }
    }
    return new Mixture(shares, means, all.spread());
  }

  int classes() {
    return shares.length;
  }

  int dim() {
    return spread.length;
  }

  /** Of all classes together. */
  Moments moments() {
    return new Moments(mean(shares), spread);
  }

  private float[] mean(float[] proportions) {
    double[] sums = new double[dim()];
    for (int c = 0; c < classes(); c++) {
      for (int d = 0; d < sums.length; d++) {
        sums[d] += (double) proportions[c] * means[c * sums.length + d];
      }
    }
    float[] mean = new float[sums.length];
    for (int d = 0; d < mean.length; d++) {
      mean[d] = (float) sums[d];
    }
    return mean;
  }

  /**
   * Which share of the way from here to another mean no other proportions of these classes explain,
   * in [0, 1]: of squared distance, in units of the spread within classes.
   */
  double unexplained(Moments other) {
    float[] here = mean(shares);
    double[] scale = scale(here);
    double[] way = new double[dim()];
    double[][] ways = new double[classes()][dim()]; // to each class
    double length = 0;
    for (int d = 0; d < way.length; d++) {
      way[d] = (other.mean()[d] - here[d]) / scale[d];
      length += way[d] * way[d];
      for (int c = 0; c < ways.length; c++) {
        ways[c][d] = (means[c * way.length + d] - here[d]) / scale[d];
      }
    }
    double[] proportions = closest(ways, way, shares);
    double left = 0;
    for (int d = 0; d < way.length; d++) {
      double off = way[d];
      for (int c = 0; c < ways.length; c++) {
        off -= proportions[c] * ways[c][d];
      }
      left += off * off;
    }
    return length > 0 ? Math.min(1, left / length) : 0;
  }

  /** The standard deviation within classes: of that over all without that between them. */
  private double[] scale(float[] here) {
    double[] within = new double[dim()];
    double sum = 0;
    for (int d = 0; d < within.length; d++) {
      double between = 0;
      for (int c = 0; c < classes(); c++) {
        double off = means[c * within.length + d] - here[d];
        between += shares[c] * off * off;
      }
      within[d] = Math.sqrt(Math.max(0, (double) spread[d] * spread[d] - between));
      sum += within[d];
    }
    double floor = sum > 0 ? FLOOR * sum / within.length : 1;
    return Arrays.stream(within).map(w -> w + floor).toArray();
  }

  /** The proportions of these that come nearest, by projected gradient from those here. */
  private static double[] closest(double[][] ways, double[] way, float[] shares) {
    int classes = ways.length;
    double[][] gram = new double[classes][classes];
    double[] wanted = new double[classes];
    for (int c = 0; c < classes; c++) {
      wanted[c] = Directions.dot(ways[c], way);
      for (int k = 0; k <= c; k++) {
        gram[c][k] = Directions.dot(ways[c], ways[k]);
        gram[k][c] = gram[c][k];
      }
    }
    // at least the greatest eigenvalue (Gershgorin)
    double steepest =
        Arrays.stream(gram)
            .mapToDouble(row -> Arrays.stream(row).map(Math::abs).sum())
            .max()
            .orElse(0);
    double[] proportions = new double[classes];
    for (int c = 0; c < classes; c++) {
      proportions[c] = shares[c];
    }
    for (int step = 0; step < STEPS && steepest > 0; step++) {
      double[] next = new double[classes];
      for (int c = 0; c < classes; c++) {
        next[c] = proportions[c] + (wanted[c] - Directions.dot(gram[c], proportions)) / steepest;
      }
      proportions = onSimplex(next);
    }
    return proportions;
  }

  /** The nearest proportions (Duchi et al. 2008). */
  private static double[] onSimplex(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    double sum = 0;
    double threshold = 0;
    for (int i = sorted.length - 1; i >= 0; i--) {
      sum += sorted[i];
      double candidate = (sum - 1) / (sorted.length - i);
      if (sorted[i] <= candidate) {
        break;
      }
      threshold = candidate;
    }
    double off = threshold;
    return Arrays.stream(values).map(v -> Math.max(0, v - off)).toArray();
  }
}
