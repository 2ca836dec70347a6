package dev.headwater.adapt.fit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The weighted cross-entropy of a linear head (or the loss of its {@link Targets}) with L2-SP
 * regularisation towards an anchor (Li et al. 2018): (Σ w · CE + λ / 2 · |W - W₀|²) / Σ w.
 *
 * <p>The samples stay on the device. Each evaluation closes its tensors and gradients before it
 * returns.
 */
final class SoftmaxLoss implements Objective, AutoCloseable {
  /** L2-SP strength of a bias, relative to that of a weight: one bias offsets many weights. */
  private static final float BIAS_L2_SP = 0.1f;

  /** Above this many features, inverting the Hessian costs more than it saves. */
  private static final int MAX_PRECONDITIONED_DIM = 2048;

  /** Damping, as a fraction of the mean eigenvalue, so that float32 can invert the Hessian. */
  private static final double DAMPING = 1e-4;

  /** The lock for backward passes: DJL has a single gradient collector per process. */
  static final Object COLLECTING = new Object();

  private final NDManager manager;
  private final LinearHead anchor;
  private final double l2Sp;
  private final boolean trainBias;
  private final NDArray features;
  private final NDArray classes;
  private final @Nullable Targets targets;
  private NDArray weights;
  private double total;
  private @Nullable NDArray inverse;
  private double biasInverse;

  /**
   * @param batch samples with standardised features
   * @param l2Sp L2-SP strength λ
   * @param trainBias whether biases are trained; if false they keep their values
   */
  SoftmaxLoss(NDManager manager, Batch batch, LinearHead anchor, double l2Sp, boolean trainBias) {
    this.manager = manager.newSubManager();
    this.anchor = anchor;
    this.l2Sp = l2Sp;
    this.trainBias = trainBias;
    FloatBuffer rows = FloatBuffer.allocate(batch.size() * anchor.dim());
    batch.features().forEach(rows::put);
    // one column per sample: results then belong to the manager of the step's weights and are
    // closed with it
    features = this.manager.create(rows.flip(), new Shape(batch.size(), anchor.dim())).transpose();
    targets = batch.targets();
    classes = targets == null ? classes(batch) : columns(targets.rows());
    weights = column(batch.weights());
    total = total(batch.weights());
  }

  private NDArray classes(Batch batch) {
    long[] indexes = Arrays.stream(batch.classes()).asLongStream().toArray();
    return manager.create(indexes, new Shape(1, batch.size()));
  }

  private NDArray columns(List<float[]> rows) {
    FloatBuffer values = FloatBuffer.allocate(rows.size() * anchor.classes());
    rows.forEach(values::put);
    return manager.create(values.flip(), new Shape(rows.size(), anchor.classes())).transpose();
  }

  /** Sets the sample weights; 0 excludes a sample. */
  void reweight(double[] newWeights) {
    weights.close();
    weights = column(newWeights);
    total = total(newWeights);
  }

  /**
   * Computes the preconditioner that {@link #preconditioned} applies from now on: the inverse
   * Hessian at these parameters. All classes share the mean of their Hessians, Σ w · mean(p (1 -
   * p)) · x xᵀ + λ. It costs one or two evaluations and saves two thirds of them.
   */
  void curvatureAt(float[] parameters) {
    if (anchor.dim() > MAX_PRECONDITIONED_DIM) {
      return;
    }
    Shape square = new Shape(anchor.dim(), anchor.dim());
    float[] values;
    try (NDManager step = manager.newSubManager()) {
      NDArray outputs = weight(step, parameters).matMul(features).add(bias(step, parameters));
      NDArray curvature =
          targets == null
              ? Targets.varianceOf(outputs.softmax(0))
              : targets.loss().curvature(outputs, classes);
      NDArray perSample = curvature.reshape(1, -1).mul(weights);
      double sum = perSample.sum().getFloat();
      NDArray hessian = perSample.mul(features).matMul(features.transpose());
      // features are standardised, so the mean eigenvalue is about the sum
      double diagonal = l2Sp + DAMPING * sum;
      values = hessian.add(step.eye(anchor.dim()).mul(diagonal)).inverse().toFloatArray();
      biasInverse = 1 / (sum + l2Sp * BIAS_L2_SP);
    }
    inverse = manager.create(FloatBuffer.wrap(values), square);
  }

  private NDArray weight(NDManager step, float[] parameters) {
    return step.create(
        FloatBuffer.wrap(parameters, 0, anchor.weight().length),
        new Shape(anchor.classes(), anchor.dim()));
  }

  private NDArray bias(NDManager step, float[] parameters) {
    return step.create(
        FloatBuffer.wrap(parameters, anchor.weight().length, anchor.classes()),
        new Shape(anchor.classes(), 1));
  }

  @Override
  public float[] preconditioned(float[] vector) {
    if (inverse == null) {
      return vector.clone();
    }
    int size = anchor.weight().length;
    float[] product = new float[vector.length];
    try (NDManager step = manager.newSubManager()) {
      NDArray rows = weight(step, vector).matMul(inverse).mul(total);
      System.arraycopy(rows.toFloatArray(), 0, product, 0, size);
    }
    for (int i = size; i < vector.length; i++) {
      product[i] = (float) (vector[i] * biasInverse * total);
    }
    return product;
  }

  private NDArray column(double[] values) {
    float[] counts = new float[values.length];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = (float) values[i];
    }
    return manager.create(counts, new Shape(1, counts.length));
  }

  private static double total(double[] values) {
    return Math.max(1e-12, Arrays.stream(values).sum());
  }

  @Override
  public double evaluate(float[] parameters, float[] gradient) {
    double loss;
    synchronized (COLLECTING) {
      loss = loss(parameters, gradient);
    }
    return (loss + addPenalty(parameters, gradient)) / scaled(gradient);
  }

  private double loss(float[] parameters, float[] gradient) {
    int size = anchor.weight().length;
    try (NDManager step = manager.newSubManager();
        GradientCollector collector = step.getEngine().newGradientCollector()) {
      NDArray weight = weight(step, parameters);
      NDArray bias = bias(step, parameters);
      weight.setRequiresGradient(true);
      bias.setRequiresGradient(true);
      NDArray logits = weight.matMul(features).add(bias);
      NDArray perSample =
          targets == null
              ? logits.logSoftmax(0).gather(classes, 0).neg()
              : targets.loss().each(logits, classes);
      NDArray sum = perSample.mul(weights).sum();
      collector.backward(sum);
      copy(weight.getGradient(), gradient, 0);
      copy(bias.getGradient(), gradient, size);
      return sum.getFloat();
    }
  }

  private static void copy(NDArray from, float[] to, int at) {
    try (from) {
      float[] values = from.toFloatArray();
      System.arraycopy(values, 0, to, at, values.length);
    }
  }

  private double addPenalty(float[] parameters, float[] gradient) {
    int size = anchor.weight().length;
    double penalty = 0;
    for (int i = 0; i < parameters.length; i++) {
      boolean isWeight = i < size;
      float to = isWeight ? anchor.weight()[i] : anchor.bias()[i - size];
      double strength = isWeight ? l2Sp : l2Sp * BIAS_L2_SP;
      double difference = parameters[i] - to;
      penalty += strength * difference * difference / 2;
      gradient[i] = isWeight || trainBias ? gradient[i] + (float) (strength * difference) : 0;
    }
    return penalty;
  }

  private double scaled(float[] gradient) {
    for (int i = 0; i < gradient.length; i++) {
      gradient[i] /= (float) total;
    }
    return total;
  }

  @Override
  public void close() {
    manager.close();
  }
}
