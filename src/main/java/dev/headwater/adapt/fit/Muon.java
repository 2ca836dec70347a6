package dev.headwater.adapt.fit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.headwater.schema.Tensor;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * The Muon optimiser (Jordan et al. 2024). Matrices, and convolution kernels as matrices with one
 * row per output channel, follow their orthogonalised momentum. A step then has the same length in
 * every direction that the samples span, whether or not the matrix is transposed. Parameters with a
 * single dimension larger than 1 use Adam.
 *
 * <p>The weight decay is decoupled (AdamW: Loshchilov and Hutter 2019) and pulls towards the
 * starting point instead of zero (L2-SP, Li et al. 2018). Parameters that the samples do not
 * constrain therefore keep their values.
 */
final class Muon {
  /** Learning rate of matrices: approximately all singular values of a step. */
  private static final double MATRIX_LEARNING_RATE = 5e-2;

  /** Learning rate of Adam, also of the weight decay. */
  private static final double LEARNING_RATE = 3e-3;

  private static final double BETA1 = 0.9;
  private static final double BETA2 = 0.999;
  private static final double EPSILON = 1e-8;

  /** Added to the norm, so that a matrix without gradient stays unchanged. */
  private static final double NORM_EPSILON = 1e-16;

  private static final int NEWTON_SCHULZ_STEPS = 5;

  /** Newton-Schulz coefficients, which move all singular values to between 0.7 and 1.2. */
  private static final double[] QUINTIC = {3.4445, -4.7750, 2.0315};

  private final Weights initial;
  private final NDManager manager;
  private final float[] start;
  private final float[] at;
  private final float[] firstMoment;
  private final float[] secondMoment;
  private final double l2Sp;
  private int steps;

  /**
   * @param initial the starting point, which the weight decay pulls towards
   * @param l2Sp L2-SP weight decay, multiplied by the learning rate at each step
   * @param manager manager of the device for matrix products
   */
  Muon(Weights initial, double l2Sp, NDManager manager) {
    this.initial = initial;
    this.manager = manager;
    this.start = initial.flat();
    this.at = start.clone();
    this.firstMoment = new float[at.length];
    this.secondMoment = new float[at.length];
    this.l2Sp = l2Sp;
  }

  /** Returns the current parameters; read-only. */
  float[] at() {
    return at;
  }

  /**
   * Performs one step. Skips a gradient whose square is not finite: this loses one minibatch, where
   * the optimiser state would otherwise become NaN. Steps have bounded length, so the weights stay
   * finite.
   */
  void step(float[] gradient) {
    for (float value : gradient) {
      if (!Float.isFinite(value * value)) {
        return;
      }
    }
    steps++;
    for (int i = 0; i < at.length; i++) {
      firstMoment[i] += (float) ((1 - BETA1) * (gradient[i] - firstMoment[i]));
    }
    int from = 0;
    for (Tensor tensor : initial.tensors().values()) {
      int to = from + tensor.values().length;
      int rows = rows(tensor.shape());
      if (rows > 1 && to - from > rows) {
        muon(gradient, from, to, rows);
      } else {
        adam(gradient, from, to);
      }
      from = to;
    }
  }

  /** Returns the number of rows: a kernel's output channels. Dimensions of size 1 are skipped. */
  private static int rows(long[] shape) {
    return (int) Arrays.stream(shape).filter(size -> size > 1).findFirst().orElse(1);
  }

  private void muon(float[] gradient, int from, int to, int rows) {
    float[] lookahead = new float[to - from];
    for (int i = from; i < to; i++) {
      // Nesterov momentum
      lookahead[i - from] = (float) (BETA1 * firstMoment[i] + (1 - BETA1) * gradient[i]);
    }
    float[] direction = orthogonal(lookahead, rows, (to - from) / rows);
    for (int i = from; i < to; i++) {
      at[i] -=
          (float)
              (MATRIX_LEARNING_RATE * direction[i - from]
                  + LEARNING_RATE * l2Sp * (at[i] - start[i]));
    }
  }

  /**
   * Approximates U V' of a matrix U S V'. Each iteration multiplies the matrix from the left by a
   * polynomial of its Gram matrix. The Gram matrix is smaller, so the iteration runs on it.
   */
  private float[] orthogonal(float[] matrix, int rows, int columns) {
    try (NDManager scope = manager.newSubManager()) {
      NDArray input = scope.create(FloatBuffer.wrap(matrix), new Shape(rows, columns));
      NDArray x = rows > columns ? input.transpose() : input;
      x = x.div(x.norm().add(NORM_EPSILON));
      NDArray gram = x.matMul(x.transpose());
      NDArray factor = factor(gram, scope);
      NDArray product = factor;
      for (int i = 1; i < NEWTON_SCHULZ_STEPS; i++) {
        gram = factor.matMul(gram).matMul(factor);
        factor = factor(gram, scope);
        product = factor.matMul(product);
      }
      x = product.matMul(x);
      return (rows > columns ? x.transpose() : x).toFloatArray();
    }
  }

  /** Returns the polynomial that one iteration multiplies by. */
  private static NDArray factor(NDArray gram, NDManager scope) {
    return scope
        .eye(Math.toIntExact(gram.getShape().get(0)))
        .mul(QUINTIC[0])
        .add(gram.mul(QUINTIC[1]))
        .add(gram.matMul(gram).mul(QUINTIC[2]));
  }

  private void adam(float[] gradient, int from, int to) {
    double stepSize =
        LEARNING_RATE * Math.sqrt(1 - Math.pow(BETA2, steps)) / (1 - Math.pow(BETA1, steps));
    for (int i = from; i < to; i++) {
      secondMoment[i] += (float) ((1 - BETA2) * (gradient[i] * gradient[i] - secondMoment[i]));
      at[i] -=
          (float)
              (stepSize * firstMoment[i] / (Math.sqrt(secondMoment[i]) + EPSILON)
                  + LEARNING_RATE * l2Sp * (at[i] - start[i]));
    }
  }
}
