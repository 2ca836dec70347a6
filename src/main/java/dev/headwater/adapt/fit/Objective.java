package dev.headwater.adapt.fit;

/** A differentiable objective function. */
interface Objective {
  /**
   * Evaluates the objective and its gradient at {@code parameters}.
   *
   * @param gradient is overwritten with the gradient
   */
  double evaluate(float[] parameters, float[] gradient);

  /**
   * Returns the product of an approximate inverse Hessian and a vector. The operator must be
   * linear, symmetric and positive definite, and constant during a minimisation.
   */
  default float[] preconditioned(float[] vector) {
    return vector.clone();
  }
}
