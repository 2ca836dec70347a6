package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.drift.DriftSettings;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
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
  void comparesWithNothingThatIsErased() {
    assertThat(draws(100, "a", 0)).isEmpty();

    watch.erase("r"); // as all are called here

    assertThat(draws(100, "a", 2)).isEmpty();
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

  /** Whose head says nothing of this task's: neither that there is one, nor that it is another. */
  @Test
  void whatAnotherTaskDrawsShowsTheFeaturesAlone() {
    Samples others = new Samples("other", "backbone", 4);
    assertThat(drawnByAnother(others, 100, 2, 0)).as("no head has said anything").isEmpty();
    watch.see(ofOwn(3), NOTHING_NEW);
    assertThat(drawnByAnother(others, 100, 0, 1)).isEmpty();
    watch.see(ofOwn(2), NOTHING_NEW); // told late, of what an older head said

    assertThat(drawnByAnother(others, 100, 2, 5)).contains("drift-features");

    assertThat(drawnByAnother(others, 300, -2, 6)).as("it stands, whoever else swaps").isEmpty();
    assertThat(watch.standing()).contains("drift-features");
    watch.see(ofOwn(4), NOTHING_NEW);
    assertThat(drawnByAnother(others, 100, -2, 7)).isEmpty();
    assertThat(watch.standing()).as("another head has answered it").isEmpty();
    assertThat(drawnByAnother(others, 100, 2, 8)).contains("drift-features");
  }

  @Test
  void aHeadThatWasRolledBackToAnswersAnAlarmAsWell() {
    Samples others = new Samples("other", "backbone", 4);
    watch.follow(4);
    watch.see(ofOwn(4), NOTHING_NEW);
    assertThat(drawnByAnother(others, 100, 0, 1)).isEmpty();
    assertThat(drawnByAnother(others, 100, 2, 1)).contains("drift-features");

    watch.follow(3);
    watch.see(ofOwn(4), NOTHING_NEW); // told late, of the head that was withdrawn
    assertThat(drawnByAnother(others, 100, 2, 1)).isEmpty();
    assertThat(watch.standing()).contains("drift-features");
    watch.see(ofOwn(3), NOTHING_NEW);
    assertThat(drawnByAnother(others, 100, 2, 1)).isEmpty();

    assertThat(watch.standing()).isEmpty();
  }

  private Sample ofOwn(long version) {
    return Sample.newBuilder(sample(Reason.UNSURE, "1.5", 0)).setHeadVersion(version).build();
  }

  private Optional<String> drawnByAnother(Samples others, int count, double shift, long version) {
    Optional<String> cause = Optional.empty();
    for (int i = 0; i < count && cause.isEmpty(); i++) {
      float[] features = SampleSerde.unpack(sample(Reason.UNLABELLED, "a", shift));
      Sample drawn =
          Sample.newBuilder(others.of("r" + i, "a", features, Reason.UNLABELLED, 1))
              .setConfidence(i % 2) // how sure the other is, is the other's
              .setHeadVersion(version)
              .setPredicted("a")
              .build();
      cause = watch.see(drawn, NOTHING_NEW);
    }
    return cause;
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
