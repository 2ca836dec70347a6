package dev.headwater.adapt.drift;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A drift detector without labels: tests whether the features of a short and a long window of
 * recent samples have the distribution of the samples before them.
 *
 * <p>The reference window is the first {@link DriftSettings#reference} samples. It is not updated,
 * so that slow drift accumulates. A window is tested each time half of it is new. The level of each
 * test limits false alarms to one per {@link DriftSettings#falseAlarm} samples on average.
 *
 * <p>It keeps the feature vectors of the reference and the long window, and computes the distance
 * of each new vector to all of them. Not thread-safe.
 */
final class FeatureDrift {
  /** Quantile of the distances for the cap; lower ones may be tiny, as for an idle sensor. */
  private static final double CAP_QUANTILE = 0.9;

  /** Multiple of that quantile: larger distances carry no more information. */
  private static final double CAP_FACTOR = 10;

  /** The cap is recomputed after this growth, or after {@link #RECOMPUTE_INTERVAL} tests. */
  private static final double RECOMPUTE_GROWTH = 1.1;

  private static final int RECOMPUTE_INTERVAL = 200;

  private final DriftSettings settings;
  private final List<Window> windows;

  /** The reference window, then the most recent samples, each in order of arrival. */
  private final List<Entry> entries = new ArrayList<>();

  /** Pairwise distances of the entries. */
  private final double[][] distances;

  private double maxDistance = Double.POSITIVE_INFINITY;
  private int capSize;
  private int testsSinceCap;

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Entry(String recordId, float[] features) {}

  /** A window of the most recent samples, with its latest test score. */
  private static final class Window {
    private final int size;
    private final PermutationTest test;
    private int sinceTest;
    private double score;

    Window(int size, DriftSettings settings, SplittableRandom random) {
      this.size = size;
      this.test = new PermutationTest((size / 2) / (2.0 * settings.falseAlarm()), random);
    }

    void clear() {
      sinceTest = 0;
      score = 0;
    }
  }

  FeatureDrift(DriftSettings settings, SplittableRandom random) {
    this.settings = settings;
    this.windows =
        List.of(
            new Window(settings.shortWindow(), settings, random.split()),
            new Window(settings.longWindow(), settings, random.split()));
    int capacity = settings.reference() + settings.longWindow() + 1;
    this.distances = new double[capacity][capacity];
  }

  /** Adds a sample without a test. */
  void collect(String recordId, float[] features) {
    int n = entries.size();
    for (int i = 0; i < n; i++) {
      distances[i][n] = distance(entries.get(i).features(), features);
      distances[n][i] = distances[i][n];
    }
    distances[n][n] = 0; // the row of a removed entry is reused
    entries.add(new Entry(recordId, features));
    if (entries.size() == distances.length) {
      drop(settings.reference());
    }
    windows.forEach(window -> window.sinceTest++);
  }

  /** Adds a sample; returns whether it raises an alarm. */
  boolean observe(String recordId, float[] features) {
    collect(recordId, features);
    return windows.stream().anyMatch(this::alarms);
  }

  private boolean alarms(Window window) {
    int before = entries.size() - window.size;
    if (window.sinceTest < window.size / 2
        || before < Math.max(window.size, 2 * settings.shortWindow())) {
      return false;
    }
    window.sinceTest = 0;
    window.score = window.test.score(distances, entries.size(), window.size, maxDistance());
    return window.score >= 1;
  }

  /** Returns the cap on distances; recomputed as samples accumulate, then at regular intervals. */
  private double maxDistance() {
    if (entries.size() > RECOMPUTE_GROWTH * capSize || ++testsSinceCap > RECOMPUTE_INTERVAL) {
      capSize = entries.size();
      testsSinceCap = 0;
      double[] all = new double[capSize * (capSize - 1) / 2];
      int next = 0;
      for (int i = 0; i < capSize; i++) {
        for (int j = 0; j < i; j++) {
          all[next++] = distances[i][j];
        }
      }
      Arrays.sort(all);
      double large = all[(int) (CAP_QUANTILE * all.length)];
      maxDistance = large > 0 ? CAP_FACTOR * large : Double.POSITIVE_INFINITY;
    }
    return maxDistance;
  }

  /** Returns a score from 0 to 1; 1 raises an alarm. */
  double score() {
    return windows.stream().mapToDouble(window -> window.score).max().orElseThrow();
  }

  /** Erases a record. In the reference window, the next sample takes its place. */
  void erase(String recordId) {
    for (int i = entries.size() - 1; i >= 0; i--) {
      if (entries.get(i).recordId().equals(recordId)) {
        drop(i);
        capSize = 0;
        windows.forEach(window -> window.score = 0);
      }
    }
  }

  void clear() {
    entries.clear();
    capSize = 0;
    windows.forEach(Window::clear);
  }

  private void drop(int index) {
    int after = entries.size() - index - 1;
    double[] row = distances[index];
    System.arraycopy(distances, index + 1, distances, index, after);
    distances[entries.size() - 1] = row;
    entries.remove(index);
    for (int i = 0; i < entries.size(); i++) {
      System.arraycopy(distances[i], index + 1, distances[i], index, after);
    }
  }

  static double distance(float[] a, float[] b) {
    double first = 0; // four independent sums for instruction-level parallelism
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
