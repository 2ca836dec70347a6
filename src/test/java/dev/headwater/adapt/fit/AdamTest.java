package dev.headwater.adapt.fit;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdamTest {
  private final float[] origin = new float[2];

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, -1e30f})
  void aGradientBeyondNumbersCostsOneStepAndNoMore(float broken) {
    Adam hit = new Adam(origin, origin, 0.1, 0);
    Adam spared = new Adam(origin, origin, 0.1, 0);

    hit.step(new float[] {1, broken}, 1);

    assertThat(hit.at()).containsExactly(origin);
    hit.step(new float[] {1, -2}, 1);
    spared.step(new float[] {1, -2}, 1);
    assertThat(hit.at()).containsExactly(spared.at());
    assertThat(hit.at()[0]).isNegative();
  }
}
