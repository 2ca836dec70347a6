package dev.headwater.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class TrendTest {
  @Test
  void tellsWhatRisesFromWhatScatters() {
    Trend straight = Trend.of(new double[] {0, 1, 4}, new double[] {5, 7, 13});
    assertThat(straight.rise()).isCloseTo(8, within(1e-12));
    assertThat(straight.scatter()).isCloseTo(0, within(1e-12));

    Trend flat = Trend.of(new double[] {0, 1, 2, 3}, new double[] {1, 3, 3, 1});
    assertThat(flat.rise()).isCloseTo(0, within(1e-12));
    assertThat(flat.mean()).isEqualTo(2);
    assertThat(flat.scatter()).isCloseTo(1, within(1e-12));
  }
}
