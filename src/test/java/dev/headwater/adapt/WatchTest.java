package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.drift.DriftSettings;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class WatchTest {
  private static final Optional<Double> NOTHING_NEW = Optional.empty();
  private static final Optional<Double> RIGHT = Optional.of(0.0);
  private static final Optional<Double> WRONG = Optional.of(1.0);

  private final Map<String, Double> scores = new TreeMap<>();
  private final List<String> alarms = new ArrayList<>();
  private final Samples samples = new Samples("task", "backbone", 4);
  private final Random random = new Random(5);
  private final TrainerMetrics metrics =
      new TrainerMetrics() {
        @Override
        public void drift(String task, String cause, double score) {
          scores.put(cause, score);
        }

        @Override
        public void drifted(String task, String cause) {
          alarms.add(cause);
        }
      };
  private Watch watch = new Watch("task", DriftSettings.DEFAULT, metrics, UnaryOperator.identity());

  private Sample sample(Reason reason, @Nullable String predicted, double shift) {
    float[] features = new float[4];
    for (int d = 0; d < 4; d++) {
      features[d] = (float) (random.nextGaussian() + shift);
    }
    Sample sample = samples.of("r", "a", features, reason, 1);
    return Sample.newBuilder(sample).setPredicted(predicted).build();
  }

  private Optional<String> draws(int count, @Nullable String predicted, double shift) {
    Optional<String> cause = Optional.empty();
    for (int i = 0; i < count && cause.isEmpty(); i++) {
      cause = watch.see(sample(Reason.UNLABELLED, predicted, shift), NOTHING_NEW);
    }
    return cause;
  }

  @Test
  void tellsAShiftOfTheUniformDrawOnceAndStandsByIt() {
    assertThat(draws(400, "a", 0)).isEmpty();

    assertThat(draws(100, "a", 2)).contains("drift-features");

    assertThat(alarms).containsExactly("drift-features");
    assertThat(watch.standing()).contains("drift-features");
    assertThat(scores).containsEntry("drift-features", 1.0);
  }

  @Test
  void seesWhatDrawsAreComparedBy() {
    watch = new Watch("task", DriftSettings.DEFAULT, metrics, features -> new float[1]);

    assertThat(draws(100, "a", 0)).isEmpty();
    assertThat(draws(100, "a", 2)).isEmpty();
  }

  /** As of masks, which do not travel with samples. */
  @Test
  void tellsOneWhereNoAnswerTravelsEither() {
    assertThat(draws(100, null, 0)).isEmpty();

    assertThat(draws(40, null, 2)).contains("drift-features");
  }

  @Test
  void thereIsNothingToDriftFromWhereNoHeadIsLive() {
    assertThat(draws(100, "a", 0)).isEmpty();

    for (int i = 0; i < 100; i++) {
      Sample cold = Sample.newBuilder(sample(Reason.UNLABELLED, null, 2)).setConfidence(0).build();
      assertThat(watch.see(cold, NOTHING_NEW)).isEmpty();
    }
  }

  @Test
  void judgesErrorsOnWhatTheAuditDrewAndOnNothingElse() {
    for (int i = 0; i < 300; i++) {
      assertThat(watch.see(sample(Reason.AUDIT, "a", 0), RIGHT)).isEmpty();
    }
    for (int i = 0; i < 300; i++) {
      assertThat(watch.see(sample(Reason.UNSURE, "b", 0), WRONG))
          .as("those were chosen for being hard")
          .isEmpty();
      assertThat(watch.see(sample(Reason.AUDIT, "b", 0), NOTHING_NEW))
          .as("a label said twice")
          .isEmpty();
    }

    Optional<String> cause = Optional.empty();
    for (int i = 0; i < 60 && cause.isEmpty(); i++) {
      cause = watch.see(sample(Reason.AUDIT, "b", 0), WRONG);
    }

    assertThat(cause).contains("drift-errors");
  }
}
