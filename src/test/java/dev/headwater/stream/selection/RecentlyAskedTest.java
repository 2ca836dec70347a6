package dev.headwater.stream.selection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecentlyAskedTest {
  private static final int KEPT = 256;

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 16, 37, 128})
  void findsTheNearestOfTheLastAskedHoweverLittleItLooksAt(int width) {
    RecentlyAsked asked = new RecentlyAsked(0.05);
    Random random = new Random(width);
    List<float[]> all = new ArrayList<>();
    for (int i = 0; i < 2 * KEPT; i++) {
      float[] features = new float[width];
      for (int f = 0; f < width; f++) {
        features[f] = (float) (random.nextGaussian() + random.nextInt(3));
      }
      double nearest = brute(all, features);
      assertThat(asked.nearest(features, Double.POSITIVE_INFINITY))
          .as("of record %d", i)
          .isCloseTo(nearest, within(1e-4));
      assertThat(asked.nearest(features, nearest / 2)).as("too far").isEqualTo(nearest / 2);
      asked.add(features);
      all.add(features);
    }

    assertThat(asked.isCopy(all.get(2 * KEPT - 1))).isTrue();
    assertThat(asked.isCopy(all.get(KEPT))).as("the oldest that is remembered").isTrue();
    assertThat(asked.nearest(all.get(KEPT - 1), Double.POSITIVE_INFINITY))
        .as("to one that is forgotten")
        .isPositive();
  }

  private static double brute(List<float[]> all, float[] features) {
    return all.subList(Math.max(0, all.size() - KEPT), all.size()).stream()
        .mapToDouble(other -> distance(other, features))
        .min()
        .orElse(Double.POSITIVE_INFINITY);
  }

  private static double distance(float[] a, float[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
    }
    return Math.sqrt(sum);
  }
}
