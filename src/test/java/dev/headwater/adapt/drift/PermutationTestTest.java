package dev.headwater.adapt.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PermutationTestTest {
  private final SplittableRandom random = new SplittableRandom(1);
  private final PermutationTest test = new PermutationTest(0.05, random.split());

  @Test
  void rejectsAtItsLevelWhereThereIsNoDifference() {
    int rejected = rejectedOf(4_000, 0);

    // three standard errors of a share of 4,000
    assertThat(rejected / 4_000.0).isBetween(0.04, 0.06);
  }

  @Test
  void seldomAlarmsWherePointsCannotBeTold() {
    double[][] same = new double[30][30];

    assertThat(test.score(same, 30, 10, Double.POSITIVE_INFINITY))
        .as("and not -0, which would be written so")
        .isEqualTo(0.0);
  }

  @Test
  void rejectsWhereTheLastComeFromElsewhere() {
    assertThat(rejectedOf(200, 1.5)).isGreaterThan(190);
  }

  private int rejectedOf(int tests, double shift) {
    int rejected = 0;
    for (int t = 0; t < tests; t++) {
      double[] points = new double[40];
      for (int i = 0; i < points.length; i++) {
        points[i] = random.nextGaussian() + (i < 30 ? 0 : shift);
      }
      double[][] distances = new double[40][40];
      for (int i = 0; i < 40; i++) {
        for (int j = 0; j < 40; j++) {
          distances[i][j] = Math.abs(points[i] - points[j]);
        }
      }
      rejected += test.score(distances, 40, 10, Double.POSITIVE_INFINITY) >= 1 ? 1 : 0;
    }
    return rejected;
  }
}
