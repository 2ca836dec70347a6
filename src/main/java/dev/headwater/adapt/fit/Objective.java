package dev.headwater.adapt.fit;

/** A differentiable function of many parameters. */
interface Objective {
  /**
   * @param gradient is overwritten with the gradient at {@code parameters}
   * @return the value there
   */
  double evaluate(float[] parameters, float[] gradient);
}
