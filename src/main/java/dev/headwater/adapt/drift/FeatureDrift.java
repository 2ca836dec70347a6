package dev.headwater.adapt.drift;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Without labels: whether the features of the last few draws, a short and a long window of them,
 * come from where those before them do. The reference is the first {@link DriftSettings#reference}
 * draws and stays, so that slow drift adds up. Every few draws it looks; each look may alarm
 * falsely at a rate that makes it one false alarm in {@link DriftSettings#falseAlarm} draws on
 * average at most. Keeps the feature vectors of reference and long window, and measures each new
 * one against all of them. Not thread-safe.
 */
final class FeatureDrift {
  /** Of all distances; most may be tiny, as where a sensor is idle. */
  private static final double LARGE = 0.9;

  /** Times a large distance: no difference that matters here is as large. */
  private static final double FAR = 10;

  private static final double GROWN = 1.1;
  private static final int MEASURE_EVERY = 200;

  private final DriftSettings settings;
  private final int every;
  private final PermutationTest test;

  /** The reference in its order, then the most recent draws in theirs. */
  private final List<float[]> kept = new ArrayList<>();

  /** Between those kept. */
  private final double[][] distances;

  private int sinceLook;
  private double score;
  private double most = Double.POSITIVE_INFINITY;
  private int measured;
  private int sinceMeasured;

  FeatureDrift(DriftSettings settings, SplittableRandom random) {
    this.settings = settings;
    this.every = settings.shortWindow() / 2;
    this.test = new PermutationTest(every / (2.0 * settings.falseAlarm()), random);
    int capacity = settings.reference() + settings.longWindow() + 1;
    this.distances = new double[capacity][capacity];
  }

  /** Takes in a draw without looking. */
  void collect(float[] features) {
    int n = kept.size();
    for (int i = 0; i < n; i++) {
      distances[i][n] = distance(kept.get(i), features);
      distances[n][i] = distances[i][n];
    }
    distances[n][n] = 0; // the row is that of a draw that was dropped
    kept.add(features);
    if (kept.size() == distances.length) {
      drop(settings.reference());
    }
    sinceLook++;
  }

  /** Whether this one raises the alarm. */
  boolean observe(float[] features) {
    collect(features);
    if (sinceLook < every) {
      return false;
    }
    sinceLook = 0;
    score = Math.max(look(settings.shortWindow()), look(settings.longWindow()));
    return score >= 1;
  }

  /** As {@link PermutationTest#score}; 0 while there is too little to compare with. */
  private double look(int window) {
    int before = kept.size() - window;
    return before < Math.max(window, 2 * settings.shortWindow())
        ? 0
        : test.score(distances, kept.size(), window, most());
  }

  /** Measured anew while draws gather, and then now and then. */
  private double most() {
    if (kept.size() > GROWN * measured || ++sinceMeasured > MEASURE_EVERY) {
      measured = kept.size();
      sinceMeasured = 0;
      double[] all = new double[measured * (measured - 1) / 2];
      int next = 0;
      for (int i = 0; i < measured; i++) {
        for (int j = 0; j < i; j++) {
          all[next++] = distances[i][j];
        }
      }
      Arrays.sort(all);
      double large = all[(int) (LARGE * all.length)];
      most = large > 0 ? FAR * large : Double.POSITIVE_INFINITY;
    }
    return most;
  }

  /** From 0 to 1, where it alarms. */
  double score() {
    return score;
  }

  void clear() {
    kept.clear();
    measured = 0;
    sinceLook = 0;
    score = 0;
  }

  private void drop(int index) {
    int after = kept.size() - index - 1;
    double[] row = distances[index];
    System.arraycopy(distances, index + 1, distances, index, after);
    distances[kept.size() - 1] = row;
    kept.remove(index);
    for (int i = 0; i < kept.size(); i++) {
      System.arraycopy(distances[i], index + 1, distances[i], index, after);
    }
  }

  static double distance(float[] a, float[] b) {
    double first = 0; // of four sums none waits for its last addition
    double second = 0;
    double third = 0;
    double fourth = 0;
    int i = 0;
    for (; i + 4 <= a.length; i += 4) {
      first += square(a[i], b[i]);
      second += square(a[i + 1], b[i + 1]);
      third += square(a[i + 2], b[i + 2]);
      fourth += square(a[i + 3], b[i + 3]);
    }
    for (; i < a.length; i++) {
      first += square(a[i], b[i]);
    }
    return Math.sqrt(first + second + third + fourth);
  }

  private static double square(double a, double b) {
    return (a - b) * (a - b);
  }
}
