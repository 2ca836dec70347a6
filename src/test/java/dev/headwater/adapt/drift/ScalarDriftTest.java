package dev.headwater.adapt.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The detectors of confidences and of errors. */
class ScalarDriftTest {
  private static final int DRAWS = 400_000;
  private static final DriftSettings EAGER = new DriftSettings(2_000, 100, 10, 40);

  private final SplittableRandom random = new SplittableRandom(5);

  @ParameterizedTest
  @ValueSource(doubles = {0.01, 0.1, 0.5, 0.9})
  void errorsAlarmFalselyNoMoreOftenThanStated(double rate) {
    ErrorDrift drift = new ErrorDrift(EAGER, random.split());
    int alarms = 0;
    for (int i = 0; i < DRAWS; i++) {
      if (drift.observe(wrong(rate))) {
        alarms++;
        drift.clear();
      }
    }

    assertThat(alarms).isBetween(1, DRAWS / 2_000);
  }

  @Test
  void confidencesAlarmFalselyNoMoreOftenThanStatedWhateverTheirDistribution() {
    ConfidenceDrift drift = new ConfidenceDrift(EAGER, random.split());
    int alarms = 0;
    for (int i = 0; i < DRAWS; i++) {
      // half of them exactly 1, as of a head that is very sure; and a new head now and then
      double confidence = random.nextBoolean() ? 1 : Math.sqrt(random.nextDouble());
      if (drift.observe(confidence, i / 150)) {
        alarms++;
        drift.clear();
      }
    }

    assertThat(alarms).isBetween(1, DRAWS / 2_000);
  }

  @Test
  void confidencesAreComparedWithThoseOfTheSameHead() {
    ConfidenceDrift drift = confidences();
    for (int i = 0; i < 200; i++) {
      drift.observe(0.9 + 0.1 * random.nextDouble(), 1);
    }
    for (int i = 0; i < 200; i++) {
      assertThat(drift.observe(0.5 + 0.1 * random.nextDouble(), 2)).isFalse();
      assertThat(drift.observe(0.9 + 0.1 * random.nextDouble(), 1)).isFalse();
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.15, 0.15})
  void confidencesMayBecomeLowerOrHigher(double change) {
    ConfidenceDrift drift = confidences();
    int i = 0;
    while (!drift.observe(0.8 + 0.1 * random.nextGaussian() + (i < 150 ? 0 : change), 1)) {
      i++;
    }

    assertThat(i - 150).isBetween(0, 40);
    assertThat(drift.score()).isEqualTo(1);
  }

  @Test
  void moreErrorsAreSeenSoon() {
    double mean =
        IntStream.range(0, 50).map(run -> delay(errors(), 0.05, 0.5)).average().orElseThrow();

    assertThat(mean).as("judged draws").isBetween(1.0, 60.0);
  }

  @Test
  void fewerErrorsAreNoDriftAndHideNoneAfterwards() {
    ErrorDrift drift = errors();
    for (int i = 0; i < 400; i++) {
      assertThat(drift.observe(wrong(i < 200 ? 0.8 : 0.05))).isFalse();
    }

    assertThat(delay(drift, 0.05, 0.5)).isBetween(0, 60);
  }

  private int delay(ErrorDrift drift, double before, double after) {
    int i = 0;
    while (i < 5_000 && !drift.observe(wrong(i < 150 ? before : after))) {
      i++;
    }
    return i - 150;
  }

  private double wrong(double rate) {
    return random.nextDouble() < rate ? 1 : 0;
  }

  private ErrorDrift errors() {
    return new ErrorDrift(DriftSettings.DEFAULT, random.split());
  }

  private ConfidenceDrift confidences() {
    return new ConfidenceDrift(DriftSettings.DEFAULT, random.split());
  }
}
