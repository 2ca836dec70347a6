package dev.headwater.adapt.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SketchTest {
  private final SplittableRandom random = new SplittableRandom(11);

  @Test
  void keepsDistancesOfManyNumbers() {
    keepsDistances((a, i) -> (float) Math.max(0, random.nextGaussian()));
  }

  @Test
  void keepsAShiftOfAll() {
    keepsDistances((a, i) -> a + 0.1f);
  }

  @Test
  void keepsWhatDiffersAtOnePlaceOfAMapOnly() {
    keepsDistances((a, i) -> i % Sketch.SIZE == 7 ? a + 1 : a);
  }

  private interface Other {
    float of(float a, int i);
  }

  private void keepsDistances(Other other) {
    double mean = 0;
    int runs = 200;
    for (int run = 0; run < runs; run++) {
      float[] a = rectified(12_544);
      float[] b = new float[a.length];
      for (int i = 0; i < a.length; i++) {
        b[i] = other.of(a[i], i);
      }
      mean += squaredDistance(Sketch.of(a), Sketch.of(b)) / squaredDistance(a, b) / runs;
    }

    assertThat(mean).isCloseTo(1, within(0.18));
  }

  @Test
  void leavesFewNumbersAsTheyAre() {
    float[] vector = rectified(Sketch.SIZE);

    assertThat(Sketch.of(vector)).isSameAs(vector);
  }

  @Test
  void hasTheSameDrawsForAll() {
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
