package dev.headwater.adapt.fit;

import java.util.Arrays;

/**
 * Rows for labels the live head does not know. They start as the mean of their class's features at
 * the length of an average row; they are pulled towards zero, for a mean is a poor belief to hold
 * on to (measured: see EXPERIMENTS.md).
 */
final class NewRows {
  private NewRows() {}

  /** New rows zero, their biases the mean of the others. */
  static LinearHead anchor(LinearHead live, int classes) {
    LinearHead grown = live.grown(classes);
    double mean = 0;
    for (float bias : live.bias()) {
      mean += bias / live.classes();
    }
    Arrays.fill(grown.bias(), live.classes(), classes, (float) mean);
    return grown;
  }

  /** New rows at the class means of what the batch weights above 0. */
  static LinearHead start(LinearHead live, LinearHead anchor, Batch batch) {
    int dim = live.dim();
    float[] weight = anchor.weight().clone();
    for (int i = 0; i < batch.size(); i++) {
      int row = batch.classes()[i];
      if (row >= live.classes() && batch.weights()[i] > 0) {
        for (int d = 0; d < dim; d++) {
          weight[row * dim + d] += batch.features().get(i)[d];
        }
      }
    }
    double length = live.classes() == 0 ? 1 : meanLength(live);
    for (int row = live.classes(); row < anchor.classes(); row++) {
      double norm = length(weight, row * dim, dim);
      for (int d = 0; norm > 0 && d < dim; d++) {
        weight[row * dim + d] *= (float) (length / norm);
      }
    }
    return new LinearHead(anchor.classes(), dim, weight, anchor.bias().clone());
  }

  private static double meanLength(LinearHead head) {
    double sum = 0;
    for (int row = 0; row < head.classes(); row++) {
      sum += length(head.weight(), row * head.dim(), head.dim());
    }
    return sum / head.classes();
  }

  private static double length(float[] values, int from, int count) {
    double squares = 0;
    for (int i = from; i < from + count; i++) {
      squares += (double) values[i] * values[i];
    }
    return Math.sqrt(squares);
  }
}
