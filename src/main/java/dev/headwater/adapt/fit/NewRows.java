package dev.headwater.adapt.fit;

import java.util.Arrays;

/**
 * Weight rows of labels that the live head does not have. They start at the mean of their class's
 * features, scaled to the average row norm. L2-SP pulls them towards zero, because a class mean is
 * a poor prior.
 */
final class NewRows {
  private NewRows() {}

  /** Returns the L2-SP anchor: new rows are zero, their biases the mean of the existing ones. */
  static LinearHead anchor(LinearHead live, int classes) {
    LinearHead grown = live.grown(classes);
    double mean = 0;
    for (float bias : live.bias()) {
      mean += bias / live.classes();
    }
    Arrays.fill(grown.bias(), live.classes(), classes, (float) mean);
    return grown;
  }

  /** Returns the starting point: new rows are class means over samples with positive weight. */
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
    double targetNorm = live.classes() == 0 ? 1 : meanNorm(live);
    for (int row = live.classes(); row < anchor.classes(); row++) {
      double norm = norm(weight, row * dim, dim);
      for (int d = 0; norm > 0 && d < dim; d++) {
        weight[row * dim + d] *= (float) (targetNorm / norm);
      }
    }
    return new LinearHead(anchor.classes(), dim, weight, anchor.bias().clone());
  }

  private static double meanNorm(LinearHead head) {
    double sum = 0;
    for (int row = 0; row < head.classes(); row++) {
      sum += norm(head.weight(), row * head.dim(), head.dim());
    }
    return sum / head.classes();
  }

  private static double norm(float[] values, int from, int count) {
    double squares = 0;
    for (int i = from; i < from + count; i++) {
      squares += (double) values[i] * values[i];
    }
    return Math.sqrt(squares);
  }
}
