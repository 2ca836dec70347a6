package dev.headwater.adapt.fit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.headwater.schema.Tensor;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * Muon (Jordan et al. 2024): matrices, and kernels as matrices of one row an output, go by their
 * momentum made orthogonal, so that a step is as long in each direction that the samples know of,
 * and the same whichever way round the matrix is written; what has one dimension of more than one
 * goes by Adam. With decoupled decay (AdamW: Loshchilov and Hutter 2019) towards where it began
 * instead of zero: L2-SP (Li et al. 2018), so that what the samples say nothing of stays.
 */
final class Muon {
  /** Length of a step of a matrix: all its singular values, about. */
  private static final double MATRIX_RATE = 5e-2;

  /** Of a step of Adam. */
  private static final double RATE = 3e-3;

  private static final double FIRST = 0.9;
  private static final double SECOND = 0.999;
  private static final double EPSILON = 1e-8;

  /** So that what has no gradient stays where it is. */
  private static final double NOTHING = 1e-16;

  private static final int ITERATIONS = 5;

  /** Of the Newton-Schulz iteration, which take all singular values to between .7 and 1.2. */
  private static final double[] QUINTIC = {3.4445, -4.7750, 2.0315};

  private final Weights shapes;
  private final NDManager manager;
  private final float[] start;
  private final float[] at;
  private final float[] mean;
  private final float[] square;
  private final double pull;
  private int steps;

  /**
   * @param shapes where it begins, and what it is pulled to
   * @param pull share of the way back there that a step of rate 1 goes
   * @param manager of the device that multiplies
   */
  Muon(Weights shapes, double pull, NDManager manager) {
    this.shapes = shapes;
    this.manager = manager;
    this.start = shapes.flat();
    this.at = start.clone();
    this.mean = new float[at.length];
    this.square = new float[at.length];
    this.pull = pull;
  }

  /** Where it is; not to be written to. */
  float[] at() {
    return at;
  }

  /**
   * Passes over a gradient that it could not square: one minibatch is lost, where otherwise every
   * step after it would be. Steps being of bounded length, weights then stay finite.
   */
  void step(float[] gradient) {
    for (float slope : gradient) {
      if (!Float.isFinite(slope * slope)) {
        return;
      }
    }
    steps++;
    for (int i = 0; i < at.length; i++) {
      mean[i] += (float) ((1 - FIRST) * (gradient[i] - mean[i]));
    }
    int from = 0;
    for (Tensor tensor : shapes.tensors().values()) {
      int to = from + tensor.values().length;
      int rows = rows(tensor.shape());
      if (rows > 1 && to - from > rows) {
        along(gradient, from, to, rows);
      } else {
        adam(gradient, from, to);
      }
      from = to;
    }
  }

  /** Of a kernel its outputs; a dimension of one says nothing. */
  private static int rows(long[] shape) {
    return (int) Arrays.stream(shape).filter(size -> size > 1).findFirst().orElse(1);
  }

  private void along(float[] gradient, int from, int to, int rows) {
    float[] ahead = new float[to - from];
    for (int i = from; i < to; i++) {
      ahead[i - from] = (float) (FIRST * mean[i] + (1 - FIRST) * gradient[i]); // Nesterov's
    }
    float[] direction = orthogonal(ahead, rows, (to - from) / rows);
    for (int i = from; i < to; i++) {
      at[i] -= (float) (MATRIX_RATE * direction[i - from] + RATE * pull * (at[i] - start[i]));
    }
  }

  /**
   * U V' of a matrix U S V', about. The iteration takes S to a polynomial of it, and what stands
   * left of the matrix is one of its Gram matrix, which is the smaller: so that is iterated.
   */
  private float[] orthogonal(float[] matrix, int rows, int columns) {
    try (NDManager scope = manager.newSubManager()) {
      NDArray given = scope.create(FloatBuffer.wrap(matrix), new Shape(rows, columns));
      NDArray x = rows > columns ? given.transpose() : given;
      x = x.div(x.norm().add(NOTHING));
      NDArray gram = x.matMul(x.transpose());
      NDArray factor = factor(gram, scope);
      NDArray product = factor;
      for (int i = 1; i < ITERATIONS; i++) {
        gram = factor.matMul(gram).matMul(factor);
        factor = factor(gram, scope);
        product = factor.matMul(product);
      }
      x = product.matMul(x);
      return (rows > columns ? x.transpose() : x).toFloatArray();
    }
  }

  /** What one iteration multiplies by. */
  private static NDArray factor(NDArray gram, NDManager scope) {
    return scope
        .eye(Math.toIntExact(gram.getShape().get(0)))
        .mul(QUINTIC[0])
        .add(gram.mul(QUINTIC[1]))
        .add(gram.matMul(gram).mul(QUINTIC[2]));
  }

  private void adam(float[] gradient, int from, int to) {
    double length = RATE * Math.sqrt(1 - Math.pow(SECOND, steps)) / (1 - Math.pow(FIRST, steps));
    for (int i = from; i < to; i++) {
      square[i] += (float) ((1 - SECOND) * (gradient[i] * gradient[i] - square[i]));
      at[i] -=
          (float)
              (length * mean[i] / (Math.sqrt(square[i]) + EPSILON)
                  + RATE * pull * (at[i] - start[i]));
    }
  }
}
