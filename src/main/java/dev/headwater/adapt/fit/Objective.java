package dev.headwater.adapt.fit;

/** A differentiable function of many parameters. */
interface Objective {
  /**
   * @param gradient is overwritten with the gradient at {@code parameters}
   * @return the value there
   */
  double evaluate(float[] parameters, float[] gradient);

  /**
   * A vector times what is known of the inverse Hessian beforehand: linear, symmetric and positive,
   * the same all along.
   */
  default float[] preconditioned(float[] vector) {
    return vector.clone();
  }
}
