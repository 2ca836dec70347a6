package dev.headwater.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class SpreadTest {
  @Test
  void boundsTheMedianByTheSignTest() {
    // the 22nd of 60 from either end, the 6th of 20: tables of the binomial distribution
    assertThat(Spread.ofMedian(ranks(60))).containsExactly(22.0, 39.0);
    assertThat(Spread.ofMedian(ranks(20))).containsExactly(6.0, 15.0);
    assertThat(Spread.ofMedian(ranks(5))).containsExactly(1.0, 5.0);
    assertThat(Spread.ofMedian(List.of(3.0))).containsExactly(3.0, 3.0);
  }

  @Test
  void theMedianIsWithinItInNineteenOfTwenty() {
    Random random = new Random(1);
    int held = 0;
    for (int trial = 0; trial < 2000; trial++) {
      List<Double> within =
          Spread.ofMedian(
              DoubleStream.generate(random::nextGaussian)
                  .limit(25)
                  .map(Math::exp)
                  .boxed()
                  .toList());
      held += within.get(0) <= 1 && 1 <= within.get(1) ? 1 : 0;
    }
    assertThat(held / 2000.0).isBetween(0.94, 0.98);
  }

  private static List<Double> ranks(int count) {
    return DoubleStream.iterate(1, rank -> rank + 1).limit(count).boxed().toList();
  }
}
