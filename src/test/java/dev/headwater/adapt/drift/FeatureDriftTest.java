package dev.headwater.adapt.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class FeatureDriftTest {
  /** Frequent false alarms, so that there are enough of them to count. */
  private static final DriftSettings EAGER = new DriftSettings(1_000, 100, 10, 40);

  private final SplittableRandom random = new SplittableRandom(3);

  @Test
  void alarmsFalselyNoMoreOftenThanStated() {
    int alarms = 0;
    int draws = 0;
    for (int run = 0; run < 40; run++) {
      FeatureDrift drift = new FeatureDrift(EAGER, random.split());
      for (int i = 0; i < 1_500; i++) {
        if (drift.observe("r", gaussian(6, 0, 1))) {
          alarms++;
          drift.clear();
        }
        draws++;
      }
    }

    assertThat(alarms)
        .as("in %d draws, two standard errors above what is stated", draws)
        .isBetween(1, (int) (draws / 1_000.0 + 2 * Math.sqrt(draws / 1_000.0)));
  }

  @Test
  void seesAShiftOfManyDimensions() {
    int delay = delay(300, i -> gaussian(2_000, i < 300 ? 0 : 0.3, 1));

    assertThat(delay).isBetween(1, 40);
  }

  @Test
  void seesAChangeOfSpreadWithoutOneOfTheMean() {
    int delay = delay(300, i -> gaussian(16, 0, i < 300 ? 1 : 2));

    assertThat(delay).isBetween(1, 30);
  }

  /** Where most draws are nearly one, those that are not are what may drift. */
  @Test
  void seesAShiftOfThoseThatAreNotIdle() {
    int found = 0;
    for (int run = 0; run < 10; run++) {
      int delay =
          delay(
              300,
              i ->
                  random.nextDouble() < .75
                      ? gaussian(16, 0, 1e-4)
                      : gaussian(16, i < 300 ? 1 : 30, 1));
      found += delay > 0 && delay <= 60 ? 1 : 0;
    }

    assertThat(found).isGreaterThanOrEqualTo(8);
  }

  @Test
  void oneDrawFarOutHidesNothingThatComesAfter() {
    int delay = delay(300, i -> i == 100 ? gaussian(16, 1e5, 1) : gaussian(16, i < 300 ? 0 : 1, 1));

    assertThat(delay).isBetween(1, 40);
  }

  @Test
  void seesDriftThatIsSlowAgainstTheWindows() {
    int delay = delay(300, i -> gaussian(16, Math.max(0, i - 300) * 0.002, 1));

    assertThat(delay).as("draws until the mean has moved by half").isBetween(1, 250);
  }

  @Test
  void seesTheSameAgainOnceTheOldestDrawsAreDropped() {
    FeatureDrift drift = new FeatureDrift(new DriftSettings(20_000, 20, 4, 8), random.split());
    for (int i = 0; i < 500; i++) {
      assertThat(drift.observe("r", gaussian(3, 0, 1))).as("draw %d", i).isFalse();
    }
    assertThat(drift.score()).isBetween(0.0, 0.999);
  }

  @Test
  void comparesWithNothingThatIsErased() {
    FeatureDrift kept = new FeatureDrift(DriftSettings.DEFAULT, random.split());
    FeatureDrift erased = new FeatureDrift(DriftSettings.DEFAULT, random.split());
    for (FeatureDrift drift : List.of(kept, erased)) {
      for (int i = 0; i < 60; i++) {
        drift.collect("before" + i, gaussian(16, 3, 1));
      }
    }
    for (int i = 0; i < 60; i++) {
      erased.erase("before" + i);
    }

    assertThat(alarmIn(60, kept)).as("where they are kept").isTrue();
    assertThat(alarmIn(400, erased)).as("where they are erased").isFalse();
  }

  private boolean alarmIn(int draws, FeatureDrift drift) {
    boolean alarm = false;
    for (int i = 0; i < draws; i++) {
      alarm |= drift.observe("after" + i, gaussian(16, 0, 1));
    }
    return alarm;
  }

  /** Draws after the onset until the alarm; negative where it came before. */
  private int delay(int onset, IntFunction<float[]> draws) {
    FeatureDrift drift = new FeatureDrift(DriftSettings.DEFAULT, random.split());
    int i = 0;
    while (!drift.observe("r" + i, draws.apply(i))) {
      i++;
    }
    return i - onset + 1;
  }

  private float[] gaussian(int dim, double mean, double deviation) {
    float[] vector = new float[dim];
    for (int d = 0; d < dim; d++) {
      vector[d] = (float) (mean + deviation * random.nextGaussian());
    }
    return vector;
  }
}
