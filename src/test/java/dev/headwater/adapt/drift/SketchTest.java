package dev.headwater.adapt.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SketchTest {
  private final SplittableRandom random = new SplittableRandom(11);

  @Test
  void keepsDistancesOfManyNumbers() {
    double worst = 0;
    double mean = 0;
    int pairs = 200;
    for (int pair = 0; pair < pairs; pair++) {
      float[] a = rectified(12_544);
      float[] b = rectified(12_544);
      double ratio = squaredDistance(Sketch.of(a), Sketch.of(b)) / squaredDistance(a, b);
      mean += ratio / pairs;
      worst = Math.max(worst, Math.abs(ratio - 1));
    }

    assertThat(mean).isCloseTo(1, within(0.02));
    assertThat(worst).as("within five deviations").isLessThan(0.22);
  }

  @Test
  void leavesFewNumbersAsTheyAre() {
    float[] vector = rectified(Sketch.SIZE);

    assertThat(Sketch.of(vector)).isSameAs(vector);
  }

  @Test
  void hasTheSameSignsForAll() {
    float[] vector = rectified(3_000);

    assertThat(Sketch.of(vector.clone())).hasSize(Sketch.SIZE).isEqualTo(Sketch.of(vector));
  }

  /** As maps after a ReLU are: half of them are zero. */
  private float[] rectified(int size) {
    float[] vector = new float[size];
    for (int i = 0; i < size; i++) {
      vector[i] = (float) Math.max(0, random.nextGaussian());
    }
    return vector;
  }

  private static double squaredDistance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - b[i]) * (double) (a[i] - b[i]);
    }
    return sum;
  }
}
