package dev.headwater.adapt.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SketchTest {
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
    float[] a = rectified(12_544);
    float[] b = new float[a.length];
    for (int i = 0; i < a.length; i++) {
      b[i] = other.of(a[i], i);
    }
    double ratio = FeatureDrift.distance(Sketch.of(a), Sketch.of(b)) / FeatureDrift.distance(a, b);
    return ratio * ratio;
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
}
