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
 * Weighted cross-entropy of a linear head (or the loss of its {@link Targets}) with a quadratic
 * pull towards an anchor (L2-SP, Li et al. 2018): sum of w · CE + pull / 2 · |W - W₀|², over the
 * sum of w. The samples stay on the device; each evaluation's tensors and gradients are closed
 * before it returns.
 */
final class SoftmaxLoss implements Objective, AutoCloseable {
  /** A bias is one number a class and need not be held as firmly as its many weights. */
  private static final float BIAS_PULL = 0.1f;

  /** More, and the Hessian costs more to invert than it saves. */
  private static final int MOST_INVERTED = 2048;

  /** Of its mean eigenvalue, added to each: what single precision can invert. */
  private static final double LEAST_EIGENVALUE = 1e-4;

  /** DJL collects one gradient at a time in a process; trainers of several tasks share one. */
  static final Object COLLECTING = new Object();

  private final NDManager manager;
  private final LinearHead anchor;
  private final double pull;
  private final boolean biased;
  private final NDArray features;
  private final NDArray classes;
  private final @Nullable Targets targets;
  private NDArray weights;
  private double total;
  private @Nullable NDArray inverse;
  private double biasInverse;

  /**
   * @param batch standardised
   * @param biased false keeps the biases where they are
   */
  SoftmaxLoss(NDManager manager, Batch batch, LinearHead anchor, double pull, boolean biased) {
    this.manager = manager.newSubManager();
    this.anchor = anchor;
    this.pull = pull;
    this.biased = biased;
    FloatBuffer rows = FloatBuffer.allocate(batch.size() * anchor.dim());
    batch.features().forEach(rows::put);
    // one column a sample: what is computed then belongs to the step's weights, and goes with it
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

  /** Counts the same samples differently from now on; 0 leaves one out. */
  void reweight(double[] newWeights) {
    weights.close();
    weights = column(newWeights);
    total = total(newWeights);
  }

  /**
   * From now on {@link #preconditioned} knows the curvature at these parameters: of all classes one
   * Hessian, the mean of theirs, Σ w · mean p (1 - p) · x xᵀ + pull. It costs as much as one or two
   * evaluations and saves two of three.
   */
  void curvatureAt(float[] parameters) {
    if (anchor.dim() > MOST_INVERTED) {
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
      NDArray each = curvature.reshape(1, -1).mul(weights);
      double sum = each.sum().getFloat();
      NDArray hessian = each.mul(features).matMul(features.transpose());
      // features are standardised, so the mean eigenvalue is about the sum
      double least = pull + LEAST_EIGENVALUE * sum;
      values = hessian.add(step.eye(anchor.dim()).mul(least)).inverse().toFloatArray();
      biasInverse = 1 / (sum + pull * BIAS_PULL);
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
    return (loss + addPull(parameters, gradient)) / scaled(gradient);
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
      NDArray each =
          targets == null
              ? logits.logSoftmax(0).gather(classes, 0).neg()
              : targets.loss().each(logits, classes);
      NDArray sum = each.mul(weights).sum();
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

  private double addPull(float[] parameters, float[] gradient) {
    int size = anchor.weight().length;
    double penalty = 0;
    for (int i = 0; i < parameters.length; i++) {
      boolean isWeight = i < size;
      float to = isWeight ? anchor.weight()[i] : anchor.bias()[i - size];
      double strength = isWeight ? pull : pull * BIAS_PULL;
      double off = parameters[i] - to;
      penalty += strength * off * off / 2;
      gradient[i] = isWeight || biased ? gradient[i] + (float) (strength * off) : 0;
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
