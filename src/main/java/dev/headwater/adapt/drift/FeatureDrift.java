package dev.headwater.adapt.drift;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Without labels: whether the features of the last few draws, a short and a long window of them,
 * come from where those before them do. The reference is the first {@link DriftSettings#reference}
 * draws and stays, so that slow drift adds up. It looks at a window each time that half of it is
 * new; each look may alarm falsely at a rate that makes it one false alarm in {@link
 * DriftSettings#falseAlarm} draws on average at most. Keeps the feature vectors of reference and
 * long window, and measures each new one against all of them. Not thread-safe.
 */
final class FeatureDrift {
  /** Of all distances; most may be tiny, as where a sensor is idle. */
  private static final double LARGE = 0.9;

  /** Times a large distance: no difference that matters here is as large. */
  private static final double FAR = 10;

  private static final double GROWN = 1.1;
  private static final int MEASURE_EVERY = 200;

  private final DriftSettings settings;
  private final List<Window> windows;

  /** The reference in its order, then the most recent draws in theirs. */
  private final List<Draw> kept = new ArrayList<>();

  /** Between those kept. */
  private final double[][] distances;

  private double most = Double.POSITIVE_INFINITY;
  private int measured;
  private int sinceMeasured;

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Draw(String recordId, float[] features) {}

  /** Of the last few draws, and what was seen of it last. */
  private static final class Window {
    private final int size;
    private final PermutationTest test;
    private int sinceLook;
    private double score;

    Window(int size, DriftSettings settings, SplittableRandom random) {
      this.size = size;
      this.test = new PermutationTest((size / 2) / (2.0 * settings.falseAlarm()), random);
    }

    void clear() {
      sinceLook = 0;
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

  /** Takes in a draw without looking. */
  void collect(String recordId, float[] features) {
    int n = kept.size();
    for (int i = 0; i < n; i++) {
      distances[i][n] = distance(kept.get(i).features(), features);
      distances[n][i] = distances[i][n];
    }
    distances[n][n] = 0; // the row is that of a draw that was dropped
    kept.add(new Draw(recordId, features));
    if (kept.size() == distances.length) {
      drop(settings.reference());
    }
    windows.forEach(window -> window.sinceLook++);
  }

  /** Whether this one raises the alarm. */
  boolean observe(String recordId, float[] features) {
    collect(recordId, features);
    return windows.stream().anyMatch(this::alarms);
  }

  private boolean alarms(Window window) {
    int before = kept.size() - window.size;
    if (window.sinceLook < window.size / 2
        || before < Math.max(window.size, 2 * settings.shortWindow())) {
      return false;
    }
    window.sinceLook = 0;
    window.score = window.test.score(distances, kept.size(), window.size, most());
    return window.score >= 1;
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
    return windows.stream().mapToDouble(window -> window.score).max().orElseThrow();
  }

  /** In the reference, the draw behind it takes the place. */
  void erase(String recordId) {
    for (int i = kept.size() - 1; i >= 0; i--) {
      if (kept.get(i).recordId().equals(recordId)) {
        drop(i);
        measured = 0;
        windows.forEach(window -> window.score = 0);
      }
    }
  }

  void clear() {
    kept.clear();
    measured = 0;
    windows.forEach(Window::clear);
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
