package dev.headwater.adapt.align;

import dev.headwater.adapt.fit.Batch;
import java.util.Arrays;
import java.util.List;

/**
 * The feature distribution of a source as a mixture of its classes. The arrays are not copied; the
 * caller must not modify them afterwards.
 *
 * @param shares [classes] class proportions
 * @param means [classes, dim] mean features of each class, row-major
 * @param spread [dim] standard deviations over all samples
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record Mixture(float[] shares, float[] means, float[] spread) {
  /**
   * Added to every within-class deviation, as a fraction of their mean: bounds the weight of
   * near-constant features.
   */
  private static final double DEVIATION_FLOOR = 0.01;

  /** Pseudo-count at the overall mean, which places a class without samples there. */
  private static final double PSEUDO_COUNT = 0.1;

  private static final int GRADIENT_STEPS = 1000;

  /** Computes the mixture of labelled samples; sample weights are ignored. */
  public static Mixture of(Batch labelled, int classes) {
    double[][] responsibilities = new double[labelled.size()][classes];
    for (int i = 0; i < responsibilities.length; i++) {
      responsibilities[i][labelled.classes()[i]] = 1;
    }
    return of(labelled.features(), responsibilities);
  }

  /**
   * Computes the mixture of samples with class probabilities.
   *
   * @param samples at least one
   * @param responsibilities [samples][classes] the probability of each class
   */
  static Mixture of(List<float[]> samples, double[][] responsibilities) {
    int classes = responsibilities[0].length;
    int dim = samples.get(0).length;
    double[] counts = new double[classes];
    double[] sums = new double[classes * dim];
    for (int i = 0; i < responsibilities.length; i++) {
      float[] sample = samples.get(i);
      for (int c = 0; c < classes; c++) {
        double p = responsibilities[i][c];
        counts[c] += p;
        for (int d = 0; p > 0 && d < dim; d++) {
          sums[c * dim + d] += p * sample[d];
        }
      }
    }
    Moments overall = Moments.of(samples);
    float[] shares = new float[classes];
    float[] means = new float[classes * dim];
    for (int c = 0; c < classes; c++) {
      shares[c] = (float) (counts[c] / responsibilities.length);
      for (int d = 0; d < dim; d++) {
        means[c * dim + d] =
            (float)
                ((sums[c * dim + d] + PSEUDO_COUNT * overall.mean()[d])
                    / (counts[c] + PSEUDO_COUNT));
      }
    }
    return new Mixture(shares, means, overall.spread());
  }

  int classes() {
    return shares.length;
  }

  int dim() {
    return spread.length;
  }

  /** Returns the moments over all classes. */
  Moments moments() {
    return new Moments(mean(shares), spread);
  }

  private float[] mean(float[] classProportions) {
    double[] sums = new double[dim()];
    for (int c = 0; c < classes(); c++) {
      for (int d = 0; d < sums.length; d++) {
        sums[d] += (double) classProportions[c] * means[c * sums.length + d];
      }
    }
    float[] mean = new float[sums.length];
    for (int d = 0; d < mean.length; d++) {
      mean[d] = (float) sums[d];
    }
    return mean;
  }

  /**
   * Returns the fraction of the squared distance to another mean that no class proportions of this
   * mixture explain, in [0, 1]. Distances are in units of the within-class deviation.
   */
  double unexplained(Moments other) {
    float[] currentMean = mean(shares);
    double[] scale = scale(currentMean);
    double[] offset = new double[dim()];
    double[][] classOffsets = new double[classes()][dim()]; // to each class mean
    double total = 0;
    for (int d = 0; d < offset.length; d++) {
      offset[d] = (other.mean()[d] - currentMean[d]) / scale[d];
      total += offset[d] * offset[d];
      for (int c = 0; c < classOffsets.length; c++) {
        classOffsets[c][d] = (means[c * offset.length + d] - currentMean[d]) / scale[d];
      }
    }
    double[] fitted = fitProportions(classOffsets, offset, shares);
    double residual = 0;
    for (int d = 0; d < offset.length; d++) {
      double difference = offset[d];
      for (int c = 0; c < classOffsets.length; c++) {
        difference -= fitted[c] * classOffsets[c][d];
      }
      residual += difference * difference;
    }
    return total > 0 ? Math.min(1, residual / total) : 0;
  }

  /**
   * Returns the within-class deviation: the overall variance minus the variance between classes.
   */
  private double[] scale(float[] currentMean) {
    double[] within = new double[dim()];
    double sum = 0;
    for (int d = 0; d < within.length; d++) {
      double between = 0;
      for (int c = 0; c < classes(); c++) {
        double difference = means[c * within.length + d] - currentMean[d];
        between += shares[c] * difference * difference;
      }
      within[d] = Math.sqrt(Math.max(0, (double) spread[d] * spread[d] - between));
      sum += within[d];
    }
    double floor = sum > 0 ? DEVIATION_FLOOR * sum / within.length : 1;
    return Arrays.stream(within).map(w -> w + floor).toArray();
  }

  /** Fits the class proportions to a mean, by projected gradient descent from {@code initial}. */
  private static double[] fitProportions(
      double[][] classOffsets, double[] offset, float[] initial) {
    int classes = classOffsets.length;
    double[][] gram = new double[classes][classes];
    double[] target = new double[classes];
    for (int c = 0; c < classes; c++) {
      target[c] = Directions.dot(classOffsets[c], offset);
      for (int k = 0; k <= c; k++) {
        gram[c][k] = Directions.dot(classOffsets[c], classOffsets[k]);
        gram[k][c] = gram[c][k];
      }
    }
    // upper bound of the largest eigenvalue (Gershgorin)
    double maxEigenvalue =
        Arrays.stream(gram)
            .mapToDouble(row -> Arrays.stream(row).map(Math::abs).sum())
            .max()
            .orElse(0);
    double[] proportions = new double[classes];
    for (int c = 0; c < classes; c++) {
      proportions[c] = initial[c];
    }
    for (int step = 0; step < GRADIENT_STEPS && maxEigenvalue > 0; step++) {
      double[] next = new double[classes];
      for (int c = 0; c < classes; c++) {
        next[c] =
            proportions[c] + (target[c] - Directions.dot(gram[c], proportions)) / maxEigenvalue;
      }
      proportions = projectOnSimplex(next);
    }
    return proportions;
  }

  /** Projects onto the probability simplex (Duchi et al. 2008). */
  private static double[] projectOnSimplex(double[] values) {
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
    double difference = threshold;
    return Arrays.stream(values).map(v -> Math.max(0, v - difference)).toArray();
  }
}
