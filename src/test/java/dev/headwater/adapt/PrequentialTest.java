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
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.scoring.KindAnswer;
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
    window.add(9, 1, 0.95, 1);
    window.add(1, 0, 0.35, 0);

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
      window.add(1, 0, 1, 0);
    }
    for (int i = 0; i < Prequential.Window.SIZE; i++) {
      window.add(1, 1, 1, 1);
    }

    assertThat(window.accuracy()).isEqualTo(1);
    assertThat(window.calibrationError()).isZero();
  }

  @Test
  void whatIsSaidAndWhatIsTrueAreComparedByTheNamesTheyHaveNow() throws Exception {
    Prequential labels =
        new Prequential("task", new Kind.OneLabel(), Optional.empty(), fitter(), metrics);
    labels.relabel(LabelAliases.none("task").renamed("card", "cards").retired("gone"));

    assertThat(labels.see(said("cards", "card"))).contains(0.0);
    assertThat(labels.see(said("card", "cards"))).contains(0.0);
    assertThat(labels.see(said("other", "card"))).contains(1.0);
    assertThat(labels.see(said("gone", "card"))).as("nothing it could be").isEmpty();
    assertThat(told.get(TrainerMetrics.Side.LIVE)[0]).isEqualTo(2 / 3.0, within(1e-9));
  }

  @Test
  void setsOfLabelsAreTheSameInWhateverOrder() throws Exception {
    Prequential labels =
        new Prequential("task", new Kind.LabelSet(), Optional.empty(), fitter(), metrics);

    assertThat(labels.see(said("[\"a\",\"b\"]", "[\"b\", \"a\"]"))).contains(0.0);
  }

  private static Fitter fitter() throws Exception {
    HeadLayout layout = HeadLayout.of(Bundles.tabular(directory, 4, 3).task());
    return new LinearFitter(layout, new FineTuner(FitSettings.DEFAULT, layout.biased()));
  }

  private static Sample said(String predicted, String label) {
    Samples samples = new Samples("task", "backbone", 2);
    return Sample.newBuilder(samples.of("r", label, new float[2], Reason.AUDIT, 1))
        .setPredicted(predicted)
        .setConfidence(0.5f)
        .build();
  }

  @Test
  void asksTheParentAboutTheSameSamples() throws Exception {
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
    Prequential labels =
        new Prequential("task", new Kind.OneLabel(), Optional.empty(), fitter, metrics);
    labels.see(sample);
    assertThat(told).as("no parent yet").containsOnlyKeys(TrainerMetrics.Side.LIVE);
    labels.follow(Optional.empty(), Optional.of(own));
    labels.see(sample);

    assertThat(told.get(TrainerMetrics.Side.LIVE)).containsExactly(0, 0.5);
    assertThat(told.get(TrainerMetrics.Side.PREVIOUS)[0]).isEqualTo(1);
  }

  /** Said are 10 and 20; the head's interval reaches 2 to either side. */
  @Test
  void aNumberIsWorthWhatItIsOffAndItsIntervalWhatItHolds() throws Exception {
    Bundle bundle = Bundles.tabular(directory, 4, 3);
    HeadLayout layout = HeadLayout.of(bundle.task());
    Fitter fitter = new LinearFitter(layout, new FineTuner(FitSettings.DEFAULT, layout.biased()));
    Head head = bundle.task().head().orElseThrow();
    HeadInfo known =
        head.info().judged(head.info().verdict().with(Map.of(KindAnswer.HALF_WIDTH, 2.0)));
    Samples samples = new Samples("task", "backbone", bundle.task().split().dim());
    float[] features = new float[bundle.task().split().dim()];
    Prequential numbers =
        new Prequential("task", new Kind.Quantity(false), Optional.empty(), fitter, metrics);
    numbers.follow(Optional.of(head.with(known)), Optional.empty());

    numbers.see(number(samples.of("a", "13", features, Reason.AUDIT, 1), "10", 5));
    assertThat(told.get(TrainerMetrics.Side.LIVE)[0]).as("off by 3").isEqualTo(.25);
    assertThat(told.get(TrainerMetrics.Side.LIVE)[1]).as("of a head long gone").isNaN();
    numbers.see(number(samples.of("b", "20", features, Reason.AUDIT, 3), "20", known.version()));

    assertThat(told.get(TrainerMetrics.Side.LIVE)[0]).isEqualTo((.25 + 3) / 4);
    assertThat(told.get(TrainerMetrics.Side.LIVE)[1]).isEqualTo(.1, within(1e-9));
    numbers.see(number(samples.of("c", "25", features, Reason.AUDIT, 3), "20", known.version()));
    assertThat(told.get(TrainerMetrics.Side.LIVE)[1])
        .as("half of them within, nine tenths promised")
        .isEqualTo(.4, within(1e-9));
    assertThat(told).as("no parent").doesNotContainKey(TrainerMetrics.Side.PREVIOUS);

    Map<String, Double> taught = Map.of(KindAnswer.LEAST, 50.0, KindAnswer.MOST, 60.0);
    HeadInfo parent = head.info().judged(head.info().verdict().with(taught));
    numbers.follow(Optional.empty(), Optional.of(head.with(parent)));
    numbers.see(number(samples.of("d", "50", features, Reason.AUDIT, 1), "20", known.version()));
    assertThat(told.get(TrainerMetrics.Side.PREVIOUS)[0]).as("as it would be served").isEqualTo(1);
  }

  private static Sample number(Sample sample, String said, long version) {
    return Sample.newBuilder(sample).setPredicted(said).setHeadVersion(version).build();
  }
}
