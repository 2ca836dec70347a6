package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SketchTest {
  private static final int LENGTH = 12_544;

  private final SplittableRandom random = new SplittableRandom(11);

  @Test
  void keepsDistancesOfManyNumbers() {
    assertThat(ratio((a, i) -> (float) Math.max(0, random.nextGaussian())))
        .isCloseTo(1, within(0.18));
  }

  @Test
  void keepsAShiftOfAll() {
    assertThat(ratio((a, i) -> a + 0.1f)).isCloseTo(1, within(0.18));
  }

  @Test
  void keepsWhatDiffersAtOnePlaceOfAMapOnly() {
    assertThat(ratio((a, i) -> i % Sketch.SIZE == 7 ? a + 1 : a)).isCloseTo(1, within(0.18));
  }

  private interface Other {
    float of(float a, int i);
  }

  /** Of squared distances, as sketches and as they are. */
  private double ratio(Other other) {
    float[] a = rectified();
    float[] b = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      b[i] = other.of(a[i], i);
    }
    Sketch sketch = new Sketch(LENGTH);
    return squaredDistance(sketch.of(a), sketch.of(b)) / squaredDistance(a, b);
  }

  private static double squaredDistance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return sum;
  }

  @Test
  void hasTheSameDrawsInEveryProcess() {
    float[] ones = new float[LENGTH];
    Arrays.fill(ones, 1);

    float[] sketch = new Sketch(LENGTH).of(ones);

    assertThat(sketch).hasSize(Sketch.SIZE).isEqualTo(new Sketch(LENGTH).of(ones.clone()));
    assertThat(new float[] {sketch[0], sketch[1], sketch[2], sketch[1023]})
        .containsExactly(-2, -1, 1, -3);
  }

  /** As maps after a ReLU are: half of them are zero. */
  private float[] rectified() {
    float[] vector = new float[LENGTH];
    for (int i = 0; i < vector.length; i++) {
      vector[i] = (float) Math.max(0, random.nextGaussian());
    }
    return vector;
  }
}
