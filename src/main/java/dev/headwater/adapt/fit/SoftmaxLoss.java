package dev.headwater.adapt.fit;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import java.nio.FloatBuffer;
import java.util.Arrays;

/**
 * Weighted cross-entropy of a linear head with a quadratic pull towards an anchor (L2-SP, Li et al.
 * 2018): sum of w · CE + pull / 2 · |W - W₀|², over the sum of w. The samples stay on the device;
 * each evaluation's tensors and gradients are closed before it returns.
 */
final class SoftmaxLoss implements Objective, AutoCloseable {
  /** A bias is one number a class and need not be held as firmly as its many weights. */
  private static final float BIAS_PULL = 0.1f;

  private final NDManager manager;
  private final LinearHead anchor;
  private final double pull;
  private final boolean biased;
  private final double total;
  private final NDArray features;
  private final NDArray classes;
  private final NDArray weights;

  /**
   * @param parent of the manager that holds the samples
   * @param batch standardised
   * @param biased false keeps the biases where they are
   */
  SoftmaxLoss(NDManager parent, Batch batch, LinearHead anchor, double pull, boolean biased) {
    this.manager = parent.newSubManager();
    this.anchor = anchor;
    this.pull = pull;
    this.biased = biased;
    int[] used = used(batch);
    FloatBuffer rows = FloatBuffer.allocate(used.length * anchor.dim());
    long[] indexes = new long[used.length];
    float[] counts = new float[used.length];
    for (int i = 0; i < used.length; i++) {
      rows.put(batch.features().get(used[i]));
      indexes[i] = batch.classes()[used[i]];
      counts[i] = (float) batch.weights()[used[i]];
    }
    total = Math.max(1e-12, Arrays.stream(batch.weights()).sum());
    features = manager.create(rows.flip(), new Shape(used.length, anchor.dim()));
    classes = manager.create(indexes, new Shape(used.length, 1));
    weights = manager.create(counts, new Shape(used.length, 1));
  }

  private static int[] used(Batch batch) {
    int[] used = new int[batch.size()];
    int n = 0;
    for (int i = 0; i < used.length; i++) {
      if (batch.weights()[i] > 0) {
        used[n++] = i;
      }
    }
    return Arrays.copyOf(used, n);
  }

  @Override
  public double evaluate(float[] parameters, float[] gradient) {
    int size = anchor.weight().length;
    double loss;
    try (NDManager step = manager.newSubManager();
        GradientCollector collector = step.getEngine().newGradientCollector()) {
      NDArray weight =
          step.create(
              FloatBuffer.wrap(parameters, 0, size), new Shape(anchor.classes(), anchor.dim()));
      NDArray bias =
          step.create(
              FloatBuffer.wrap(parameters, size, anchor.classes()), new Shape(anchor.classes()));
      weight.setRequiresGradient(true);
      bias.setRequiresGradient(true);
      NDArray inputs = attached(features, step);
      NDArray logits = inputs.matMul(weight.transpose()).add(bias);
      NDArray likelihood = logits.logSoftmax(1).gather(attached(classes, step), 1);
      NDArray sum = likelihood.mul(attached(weights, step)).sum().neg();
      collector.backward(sum);
      loss = sum.getFloat();
      copy(weight.getGradient(), gradient, 0);
      copy(bias.getGradient(), gradient, size);
    }
    return (loss + addPull(parameters, gradient)) / scaled(gradient);
  }

  /** A view that belongs to the step, so that what is made from it is closed with the step. */
  private static NDArray attached(NDArray array, NDManager step) {
    NDArray view = array.duplicate();
    view.attach(step);
    return view;
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
