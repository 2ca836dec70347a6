package dev.headwater.adapt.drift;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class DriftMonitorTest {
  private final DriftMonitor monitor = new DriftMonitor(DriftSettings.DEFAULT);
  private final SplittableRandom random = new SplittableRandom(7);

  @Test
  void isSilentWhereNothingChanges() {
    for (int i = 0; i < 400; i++) {
      assertThat(monitor.observe("r", features(0), confidence(0.9), 1)).isEmpty();
      assertThat(monitor.observeError(i % 20 == 0 ? 1 : 0)).isEmpty();
    }

    assertThat(monitor.standing()).isEmpty();
    assertThat(monitor.scores())
        .containsOnlyKeys("drift-features", "drift-confidence", "drift-errors")
        .allSatisfy((cause, score) -> assertThat(score).as(cause).isBetween(0.0, 0.999));
  }

  @Test
  void raisesAnAlarmOnceAndLetsItStandUntilAnotherHeadIsLive() {
    show(200, 0, 1);
    int alarms = show(300, 3, 1);

    assertThat(alarms).isEqualTo(1);
    assertThat(monitor.standing()).contains("drift-features");
    assertThat(monitor.scores()).containsEntry("drift-features", 1.0);
    assertThat(show(300, 3, 2)).as("alarms of the new regime under its new head").isZero();
    assertThat(monitor.standing()).isEmpty();
  }

  @Test
  void comparesWithTheNewRegimeAfterwards() {
    show(200, 0, 1);
    show(100, 3, 1);
    show(100, 3, 2);

    assertThat(show(100, 0, 2)).as("alarms at the way back").isEqualTo(1);
  }

  @Test
  void keepsItsReferenceWhereAHeadGoesLiveWithoutAnAlarm() {
    for (int head = 0; head < 20; head++) {
      assertThat(show(10, 0, head)).isZero();
    }

    assertThat(show(40, 3, 20)).isEqualTo(1);
  }

  @Test
  void namesWhatHasChanged() {
    show(200, 0, 1);
    while (monitor.observe("r", features(0), confidence(0.5), 1).isEmpty()) {
      assertThat(monitor.standing()).isEmpty();
    }
    assertThat(monitor.standing()).contains("drift-confidence");

    show(200, 0, 2);
    int errors = 0;
    for (int i = 0; i < 100; i++) {
      monitor.observeError(i % 20 == 0 ? 1 : 0);
    }
    while (monitor.observeError(random.nextInt(2)).isEmpty()) {
      errors++;
    }
    assertThat(monitor.standing()).contains("drift-errors");
    assertThat(errors).isLessThan(40);
  }

  @Test
  void isInTheSameStateOnceItIsShownTheSameAgain() {
    DriftMonitor again = new DriftMonitor(DriftSettings.DEFAULT);
    for (int i = 0; i < 300; i++) {
      float[] features = features(i / 100.0);
      double confidence = confidence(0.8);
      assertThat(again.observe("r", features, confidence, 1))
          .isEqualTo(monitor.observe("r", features, confidence, 1));
    }

    Map<String, Double> scores = monitor.scores();
    assertThat(again.scores()).isEqualTo(scores);
    assertThat(again.standing()).isEqualTo(monitor.standing());
  }

  /** Returns how many alarms were raised. */
  private int show(int draws, double mean, long head) {
    int alarms = 0;
    for (int i = 0; i < draws; i++) {
      alarms += monitor.observe("r", features(mean), confidence(0.9), head).isPresent() ? 1 : 0;
    }
    return alarms;
  }

  private float[] features(double mean) {
    float[] vector = new float[12];
    for (int d = 0; d < vector.length; d++) {
      vector[d] = (float) (mean + random.nextGaussian());
    }
    return vector;
  }

  private double confidence(double centre) {
    return centre + 0.05 * random.nextGaussian();
  }
}
