package dev.headwater.adapt.fit;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A clustering of the samples of each class: k-means (Lloyd 1982) on standardised features with
 * k-means++ initialisation (Arthur and Vassilvitskii 2007). Deterministic.
 *
 * @param samples cluster of each sample
 * @param classes class of each cluster; every class has at least one
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
public record Subclasses(int[] samples, int[] classes) {
  /** Minimum samples per cluster, pseudo-labels included. */
  private static final int MIN_SAMPLES_PER_CLUSTER = 20;

  private static final int ROUNDS = 20;
  private static final long SEED = 20060804;

  /**
   * Clusters the samples of each class.
   *
   * @param batch samples; those of weight 0 only join the nearest cluster of their class
   * @param maxClusters maximum number of clusters per class
   */
  public static Subclasses of(Batch batch, int classes, int maxClusters) {
    Standardiser standardiser = new Standardiser(batch, true);
    int[] samples = new int[batch.size()];
    List<Integer> of = new ArrayList<>();
    for (int label = 0; label < classes; label++) {
      int c = label;
      int[] members =
          IntStream.range(0, samples.length).filter(i -> batch.classes()[i] == c).toArray();
      float[][] rows = rows(standardiser, batch, Arrays.stream(members));
      float[][] weighted =
          rows(standardiser, batch, Arrays.stream(members).filter(i -> batch.weights()[i] > 0));
      int count = Math.max(1, Math.min(maxClusters, weighted.length / MIN_SAMPLES_PER_CLUSTER));
      int[] nearest = count == 1 ? new int[rows.length] : nearest(rows, centres(weighted, count));
      for (int i = 0; i < members.length; i++) {
        samples[members[i]] = of.size() + nearest[i];
      }
      of.addAll(Collections.nCopies(count, label));
    }
    return new Subclasses(samples, of.stream().mapToInt(Integer::intValue).toArray());
  }

  private static float[][] rows(Standardiser standardiser, Batch batch, IntStream samples) {
    return samples
        .mapToObj(i -> standardiser.features(batch.features().get(i)))
        .toArray(float[][]::new);
  }

  /** Returns the number of clusters. */
  public int count() {
    return classes.length;
  }

  private static float[][] centres(float[][] rows, int count) {
    float[][] centres = kMeansPlusPlus(rows, count);
    int[] previous = new int[0];
    int[] nearest = nearest(rows, centres);
    for (int round = 0; round < ROUNDS && !Arrays.equals(previous, nearest); round++) {
      update(centres, rows, nearest);
      previous = nearest;
      nearest = nearest(rows, centres);
    }
    return centres;
  }

  /** Draws each centre with probability proportional to the squared distance from earlier ones. */
  private static float[][] kMeansPlusPlus(float[][] rows, int count) {
    Random random = new Random(SEED);
    float[][] centres = new float[count][];
    double[] distances = new double[rows.length];
    Arrays.fill(distances, 1);
    for (int c = 0; c < count; c++) {
      double left = random.nextDouble() * Arrays.stream(distances).sum();
      int next = 0;
      while (next < rows.length - 1 && left >= distances[next]) {
        left -= distances[next++];
      }
      centres[c] = rows[next].clone();
      for (int i = 0; i < rows.length; i++) {
        double distance = distance(rows[i], centres[c]);
        distances[i] = c == 0 ? distance : Math.min(distances[i], distance);
      }
    }
    return centres;
  }

  /** Moves each centre to the mean of its cluster; the centre of an empty cluster stays. */
  private static void update(float[][] centres, float[][] rows, int[] nearest) {
    int[] sizes = new int[centres.length];
    Arrays.stream(nearest).forEach(c -> sizes[c]++);
    for (int c = 0; c < centres.length; c++) {
      if (sizes[c] > 0) {
        Arrays.fill(centres[c], 0);
      }
    }
    for (int i = 0; i < rows.length; i++) {
      float[] centre = centres[nearest[i]];
      for (int d = 0; d < centre.length; d++) {
        centre[d] += rows[i][d] / sizes[nearest[i]];
      }
    }
  }

  private static int[] nearest(float[][] rows, float[][] centres) {
    int[] nearest = new int[rows.length];
    for (int i = 0; i < rows.length; i++) {
      double least = Double.POSITIVE_INFINITY;
      for (int c = 0; c < centres.length; c++) {
        double distance = distance(rows[i], centres[c]);
        if (distance < least) {
          least = distance;
          nearest[i] = c;
        }
      }
    }
    return nearest;
  }

  private static double distance(float[] a, float[] b) {
    float sum = 0;
    for (int d = 0; d < a.length; d++) {
      sum += (a[d] - b[d]) * (a[d] - b[d]);
    }
    return sum;
  }
}
