package dev.headwater.adapt.fit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class LbfgsTest {
  @Test
  void findsTheMinimumOfAnIllConditionedBowl() {
    Objective bowl =
        (x, gradient) -> {
          double value = 0;
          for (int i = 0; i < x.length; i++) {
            double steep = Math.pow(10, i % 4);
            value += steep * (x[i] - i) * (x[i] - i) / 2;
            gradient[i] = (float) (steep * (x[i] - i));
          }
          return value;
        };

    float[] found = new Lbfgs(100, 1e-12, () -> false).minimise(bowl, new float[8]);

    for (int i = 0; i < found.length; i++) {
      assertThat((double) found[i]).isCloseTo(i, within(1e-2));
    }
  }

  @Test
  void aKnownCurvatureSavesNearlyAllSteps() {
    int[] evaluations = new int[1];
    Objective bowl =
        new Objective() {
          @Override
          public double evaluate(float[] x, float[] gradient) {
            evaluations[0]++;
            double value = 0;
            for (int i = 0; i < x.length; i++) {
              value += steep(i) * (x[i] - i) * (x[i] - i) / 2;
              gradient[i] = (float) (steep(i) * (x[i] - i));
            }
            return value;
          }

          @Override
          public float[] preconditioned(float[] vector) {
            float[] product = new float[vector.length];
            for (int i = 0; i < product.length; i++) {
              product[i] = (float) (vector[i] / steep(i) / 2); // by a half is near enough
            }
            return product;
          }

          private double steep(int i) {
            return Math.pow(10, i % 4);
          }
        };

    float[] found = new Lbfgs(5, 1e-12, () -> false).minimise(bowl, new float[8]);

    for (int i = 0; i < found.length; i++) {
      assertThat((double) found[i]).isCloseTo(i, within(1e-3));
    }
    assertThat(evaluations[0]).isLessThanOrEqualTo(6);
  }

  @Test
  void neverEndsWorseThanItBegan() {
    Objective broken =
        (x, gradient) -> {
          gradient[0] = -1;
          return x[0] == 0 ? 1 : Double.NaN;
        };

    assertThat(new Lbfgs(20, 1e-9, () -> false).minimise(broken, new float[1])).containsExactly(0f);
  }
}
