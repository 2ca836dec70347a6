package dev.headwater.adapt.fit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TemperatureTest {
  private final Random random = new Random(3);
  private final List<float[]> logits = new ArrayList<>();
  private int[] classes = new int[0];

  @Test
  void findsHowMuchTooSureAHeadIs() {
    draw(4000, 2);

    assertThat(Temperature.fit(logits, classes, ones())).isCloseTo(2, within(0.2));
  }

  @Test
  void staysNearOneWhereThereIsLittleToGoBy() {
    draw(5, 3);

    assertThat(Temperature.fit(logits, classes, ones())).isBetween(0.8, 1.5);
    assertThat(Temperature.fit(List.of(), new int[0], new double[0])).isEqualTo(1);
  }

  @Test
  void manySamplesOfWhichOneWeighsAllAreOneSample() {
    draw(2000, 3);
    double[] weights = ones();
    weights[0] = 1e6;

    assertThat(Temperature.fit(logits, classes, weights)).isBetween(0.8, 1.3);
  }

  @Test
  void noTemperatureBesideItIsMoreProbable() {
    draw(300, 1.5);

    double found = Temperature.fit(logits, classes, ones());

    assertThat(cost(found)).isLessThan(cost(found * 1.001)).isLessThan(cost(found / 1.001));
  }

  private double cost(double temperature) {
    double cost = Math.pow(Math.log(temperature) / 0.2, 2) / 2;
    for (int i = 0; i < classes.length; i++) {
      cost += Temperature.surprise(logits.get(i), classes[i], 1 / temperature);
    }
    return cost;
  }

  /** Labels drawn from what the logits say once divided by {@code temperature}. */
  private void draw(int n, double temperature) {
    classes = new int[n];
    for (int i = 0; i < n; i++) {
      float[] row = new float[4];
      double[] share = new double[4];
      for (int c = 0; c < 4; c++) {
        row[c] = (float) random.nextGaussian() * 4;
        share[c] = Math.exp(row[c] / temperature);
      }
      double at = random.nextDouble() * Arrays.stream(share).sum();
      while (at > share[classes[i]]) {
        at -= share[classes[i]++];
      }
      logits.add(row);
    }
  }

  private double[] ones() {
    double[] ones = new double[classes.length];
    Arrays.fill(ones, 1);
    return ones;
  }
}
