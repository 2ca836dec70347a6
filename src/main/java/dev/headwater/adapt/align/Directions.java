package dev.headwater.adapt.align;

import java.util.List;

/** Unit feature vectors and the vector operations on them. */
final class Directions {
  private Directions() {}

  static double[] unit(float[] vector) {
    double[] wide = new double[vector.length];
    for (int d = 0; d < wide.length; d++) {
      wide[d] = vector[d];
    }
    return unit(wide);
  }

  /** Returns the vector scaled to unit length; a zero vector stays zero. */
  static double[] unit(double[] vector) {
    double squares = 0;
    for (double value : vector) {
      squares += value * value;
    }
    double[] unit = vector.clone();
    for (int d = 0; squares > 0 && d < unit.length; d++) {
      unit[d] /= Math.sqrt(squares);
    }
    return unit;
  }

  static double[][] units(List<float[]> vectors) {
    return vectors.stream().map(Directions::unit).toArray(double[][]::new);
  }

  static double dot(double[] one, double[] other) {
    double sum = 0;
    for (int d = 0; d < one.length; d++) {
      sum += one[d] * other[d];
    }
    return sum;
  }

  /** Applies softmax in place and returns the array. */
  static double[] softmax(double[] logits) {
    double max = logits[best(logits)];
    double sum = 0;
    for (int c = 0; c < logits.length; c++) {
      logits[c] = Math.exp(logits[c] - max);
      sum += logits[c];
    }
    for (int c = 0; c < logits.length; c++) {
      logits[c] /= sum;
    }
    return logits;
  }

  /** Returns the index of the largest value. */
  static int best(double[] values) {
    int best = 0;
    for (int c = 1; c < values.length; c++) {
      best = values[c] > values[best] ? c : best;
    }
    return best;
  }
}
