package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Kind;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrequentialTest {
  @TempDir static Path directory;

  private final Map<TrainerMetrics.Side, double[]> told = new EnumMap<>(TrainerMetrics.Side.class);
  private final TrainerMetrics metrics =
      new TrainerMetrics() {
        @Override
        public void prequential(String task, Side head, double accuracy, double calibrationError) {
          told.put(head, new double[] {accuracy, calibrationError});
        }
      };

  @Test
  void weighsEachAnswerByTheTrafficItStandsFor() {
    Prequential.Window window = new Prequential.Window();
    window.add(9, 0.95, true);
    window.add(1, 0.35, false);

    assertThat(window.accuracy()).isEqualTo(0.9);
    assertThat(window.calibrationError())
        .as("9 of .95 that are all right, 1 of .35 that is wrong")
        .isEqualTo((9 * 0.05 + 0.35) / 10, within(1e-12));
  }

  @Test
  void forgetsWhatIsOlderThanItsWindow() {
    Prequential.Window window = new Prequential.Window();
    assertThat(window.accuracy()).isNaN();
    for (int i = 0; i < Prequential.Window.SIZE; i++) {
      window.add(1, 1, false);
    }
    for (int i = 0; i < Prequential.Window.SIZE; i++) {
      window.add(1, 1, true);
    }

    assertThat(window.accuracy()).isEqualTo(1);
    assertThat(window.calibrationError()).isZero();
  }

  @Test
  void asksTheParentAboutTheSameSamplesAndNumbersAboutNothing() throws Exception {
    Bundle bundle = Bundles.tabular(directory, 4, 3);
    HeadLayout layout = HeadLayout.of(bundle.task());
    Fitter fitter = new LinearFitter(layout, new FineTuner(FitSettings.DEFAULT, layout.biased()));
    Head own = bundle.task().head().orElseThrow();
    Samples samples = new Samples("task", "backbone", bundle.task().split().dim());
    float[] features = new float[bundle.task().split().dim()];
    features[0] = 1;
    String says =
        own.info().labels().get(Learner.best(fitter.of(own).logits(List.of(features)).get(0)));

    Sample sample =
        Sample.newBuilder(samples.of("r", says, features, Reason.AUDIT, 1))
            .setPredicted("another")
            .setConfidence(0.5f)
            .build();
    Prequential labels = new Prequential("task", new Kind.OneLabel(), fitter, metrics);
    labels.see(sample);
    assertThat(told).as("no parent yet").containsOnlyKeys(TrainerMetrics.Side.LIVE);
    labels.previous(Optional.of(own));
    labels.see(sample);

    assertThat(told.get(TrainerMetrics.Side.LIVE)).containsExactly(0, 0.5);
    assertThat(told.get(TrainerMetrics.Side.PREVIOUS)[0]).isEqualTo(1);

    told.clear();
    new Prequential("task", new Kind.Quantity(false), fitter, metrics)
        .see(samples.of("r", "1", features, Reason.AUDIT, 1));
    assertThat(told).isEmpty();
  }
}
