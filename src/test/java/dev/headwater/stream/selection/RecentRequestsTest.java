package dev.headwater.stream.selection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RecentRequestsTest {
  private static final int CAPACITY = 256;

  @ParameterizedTest
  @ValueSource(ints = {1, 5, 16, 37, 128})
  void findsTheNearestRecordWithALabelRequest(int width) {
    RecentRequests requests = new RecentRequests(0.05);
    Random random = new Random(width);
    List<float[]> all = new ArrayList<>();
    for (int i = 0; i < 2 * CAPACITY; i++) {
      float[] features = new float[width];
      for (int f = 0; f < width; f++) {
        features[f] = (float) (random.nextGaussian() + random.nextInt(3));
      }
      double nearest = brute(all, features);
      assertThat(requests.nearest(features, Double.POSITIVE_INFINITY))
          .as("of record %d", i)
          .isCloseTo(nearest, within(1e-4));
      assertThat(requests.nearest(features, nearest / 2))
          .as("above the limit")
          .isEqualTo(nearest / 2);
      requests.add(features);
      all.add(features);
    }

    assertThat(requests.isCopy(all.get(2 * CAPACITY - 1))).isTrue();
    assertThat(requests.isCopy(all.get(CAPACITY))).as("the oldest in the window").isTrue();
    assertThat(requests.nearest(all.get(CAPACITY - 1), Double.POSITIVE_INFINITY))
        .as("an evicted record")
        .isPositive();
  }

  private static double brute(List<float[]> all, float[] features) {
    return all.subList(Math.max(0, all.size() - CAPACITY), all.size()).stream()
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
