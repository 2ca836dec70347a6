package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Kind;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Trial;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.Label;
import dev.headwater.schema.Reason;
import dev.headwater.scoring.KindAnswer;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Numbers and sets of labels, from samples to judged heads. */
class SupervisionTest {
  private static final int DIM = 4;
  private static final double NOISE = 0.2;

  private final Samples samples = new Samples("task", "backbone", DIM);
  private final HeadLayout layout = new HeadLayout(new LinearLayer("w", "b", true), DIM);
  private final Random random = new Random(3);
  private long offset;

  private Learner learner(Kind kind, List<String> labels) {
    return new Learner(
        new Space(
            "task",
            "backbone",
            DIM,
            "task",
            DIM,
            labels,
            !(kind instanceof Kind.Quantity),
            kind,
            Optional.empty()),
        AdaptSettings.of("id"),
        new Gate(GateSettings.DEFAULT),
        new LinearFitter(layout, new FineTuner(FitSettings.DEFAULT, true)),
        Clock.fixed(Instant.EPOCH, ZoneOffset.UTC));
  }

  @Test
  void ofASetWhatIsMissedAndWhatIsInventedIsWrong() {
    Remembered sample =
        new Remembered("r", new float[DIM], "[\"a\",\"new\"]", 1, Reason.UNSURE, 0, 0, null, null);
    Supervision.HeadOutput live =
        new Supervision.HeadOutput(List.of("a", "b", "c"), new float[] {-1, 1, -1});
    Supervision.HeadOutput candidate =
        new Supervision.HeadOutput(List.of("a", "b", "c", "d"), new float[] {1, -1, -1, -1});

    Trial trial = new LabelSetSupervision(new Kind.LabelSet()).trial(sample, live, candidate);

    assertThat(trial.label()).as("what the live head does not know").isEqualTo("new");
    assertThat(trial.gain())
        .as("a and new missed and b invented, against new missed, of five labels")
        .isCloseTo(3 / 5.0 - 1 / 5.0, within(1e-12));
  }

  private float[] features() {
    float[] features = new float[DIM];
    for (int d = 0; d < DIM; d++) {
      features[d] = (float) random.nextGaussian();
    }
    return features;
  }

  private void add(Learner learner, float[] features, String label) {
    learner.add(samples.of("r" + offset, label, features, Reason.AUDIT, 1), 0, offset++);
  }

  /** exp(5 + turn · x0 + noise): skewed as concentrations are. */
  private void number(Learner learner, double turn) {
    float[] features = features();
    double log = 5 + turn * features[0] + NOISE * random.nextGaussian();
    add(learner, features, Double.toString(Math.exp(log)));
  }

  private static Learner numbers(SupervisionTest test) {
    return test.learner(new Kind.Quantity(true), List.of(Kind.Quantity.OUTPUT));
  }

  @Test
  void theIntervalIsOfWhatWasToldWhenRecordsCameAsWell() {
    QuantitySupervision numbers = new QuantitySupervision(new Kind.Quantity(false));
    List<Remembered> stale = new ArrayList<>();
    List<float[]> said = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      stale.add(number(i, i % 2 == 0 ? "3" : null));
      said.add(new float[] {i / 100f}); // off by as much
    }

    Map<String, Double> figures = numbers.figures(stale, said);
    Map<String, Double> folds =
        numbers.figures(IntStream.range(0, 100).mapToObj(i -> number(i, null)).toList(), said);

    assertThat(folds.get(KindAnswer.HALF_WIDTH)).isCloseTo(.9, within(.02));
    assertThat(figures.get(KindAnswer.HALF_WIDTH)).as("a third was off by 3").isEqualTo(3);
    assertThat(figures.get(KindAnswer.CONFIDENCE))
        .as("who is asked is not decided by what is past")
        .isEqualTo(folds.get(KindAnswer.CONFIDENCE));
  }

  private static Remembered number(int at, String predicted) {
    return new Remembered("r" + at, new float[DIM], "0", 1, Reason.AUDIT, 0, at, null, predicted);
  }

  @Test
  void whatIsFarOutButNotRareIsNoSlip() {
    Learner learner = learner(new Kind.Quantity(false), List.of(Kind.Quantity.OUTPUT));
    for (int i = 0; i < 200; i++) {
      float[] features = features();
      double number = features[0] > .3 ? 1000 + random.nextGaussian() : random.nextDouble();
      add(learner, features, Double.toString(number));
    }

    Head head = learner.train("samples", 1);

    assertThat(head.info().verdict().numbers().get(KindAnswer.MOST)).isGreaterThan(1000);
  }

  @Test
  void aSlipOfThePenIsNotTheScaleOfAllOthers() {
    Learner learner = learner(new Kind.Quantity(false), List.of(Kind.Quantity.OUTPUT));
    for (int i = 0; i < 200; i++) {
      float[] features = features();
      double number = 10 + 3 * features[0] + NOISE * random.nextGaussian();
      add(learner, features, Double.toString(i == 50 ? 1e4 * number : number));
    }

    Head head = learner.train("samples", 1);

    assertThat(head.info().verdict().accepted()).as(head.info().verdict().reason()).isTrue();
    assertThat(head.info().verdict().numbers().get("spread")).isBetween(2.5, 3.5);
    assertThat(head.info().verdict().numbers().get(KindAnswer.MOST)).isLessThan(30);
    float[] middle = new float[DIM];
    assertThat((double) layout.linear(head).logits(middle)[0]).isCloseTo(10, within(.5));
  }

  @Test
  void learnsANumberFromColdAndSaysHowFarItMayBeOff() {
    Learner learner = numbers(this);
    for (int i = 0; i < 300; i++) {
      number(learner, 1);
    }

    Head head = learner.train("samples", 1);

    assertThat(head.info().verdict().accepted()).as(head.info().verdict().reason()).isTrue();
    assertThat(head.info().labels()).containsExactly(Kind.Quantity.OUTPUT);
    LinearHead linear = layout.linear(head);
    assertThat(linear.weight()[0]).isCloseTo(1f, within(.1f));
    assertThat(linear.bias()[0]).isCloseTo(5f, within(.1f));
    Map<String, Double> figures = head.info().verdict().numbers();
    assertThat(figures.get("halfWidth"))
        .as("nine in ten of a Gaussian are within 1.645 of its deviations")
        .isCloseTo(1.645 * NOISE, within(.1));
    assertThat(figures.get("coverage")).isEqualTo(.9);
    assertThat(figures.get("confidence"))
        .as("1 - the interval / one that knows nothing, 1 / 5 here")
        .isCloseTo(.8, within(.07));
    assertThat(figures).doesNotContainKey("liveAccuracy");
  }

  /** A sensor that is out of order, say: its record is one of many, and only that. */
  @Test
  void aRecordFarOutDoesNotTurnTheHeadForAllOthers() {
    Learner learner = numbers(this);
    for (int i = 0; i < 150; i++) {
      number(learner, 1);
    }
    float[] far = features();
    far[0] = 60;
    add(learner, far, Double.toString(Math.exp(5)));

    Head head = learner.train("samples", 1);

    assertThat(layout.linear(head).weight()[0]).isCloseTo(1f, within(.15f));
    Map<String, Double> figures = head.info().verdict().numbers();
    assertThat(figures.get("least")).isBetween(1.0, 4.5);
    assertThat(figures.get("most")).isBetween(5.5, 9.0);
  }

  @Test
  void fewLabelsPromiseNoInterval() {
    Learner learner = numbers(this);
    for (int i = 0; i < 8; i++) {
      number(learner, 1);
    }

    assertThat(learner.train("samples", 1).info().verdict().numbers())
        .as("of eight residuals none is beyond nine tenths of all")
        .doesNotContainKey("halfWidth");
  }

  @Test
  void followsWhatANumberDependsOnAndRefusesWhatIsNoBetter() {
    Learner learner = numbers(this);
    for (int i = 0; i < 100; i++) {
      number(learner, 1);
    }
    Head first = learner.train("samples", 1);
    learner.live(first);
    for (int i = 0; i < 100; i++) {
      number(learner, 1);
    }
    assertThat(learner.train("samples", 2).info().verdict().numbers().get("gain"))
        .as("nothing has changed, so there is next to nothing to gain")
        .isCloseTo(0, within(.01));
    for (int i = 0; i < 300; i++) {
      number(learner, -1);
    }

    Head turned = learner.train("samples", 3);

    assertThat(turned.info().verdict().accepted()).as(turned.info().verdict().reason()).isTrue();
    assertThat(layout.linear(turned).weight()[0]).isLessThan(layout.linear(first).weight()[0]);
  }

  @Test
  void aHeadOfNumbersThatIsWorseThanItsParentIsWithdrawn() {
    Learner learner = numbers(this);
    for (int i = 0; i < 200; i++) {
      number(learner, 1);
    }
    Head parent = learner.train("samples", 1);
    LinearHead good = layout.linear(parent);
    Head bad =
        new Head(
            new dev.headwater.schema.HeadInfo(
                "task",
                2,
                1,
                parent.info().labels(),
                "backbone",
                Instant.EPOCH,
                "samples",
                "cpu",
                parent.info().verdict()),
            layout.tensors(good.scaled(-1, 10)),
            parent.goldenFeatures(),
            parent.goldenLogits());
    LinearFitter fitter = new LinearFitter(layout, new FineTuner(FitSettings.DEFAULT, true));
    List<Remembered> unseen = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      float[] features = features();
      String label = Double.toString(Math.exp(5 + features[0]));
      unseen.add(Remembered.of(samples.of("u" + i, label, features, Reason.AUDIT, 1), 0, 1000 + i));
    }
    Gate gate = new Gate(GateSettings.DEFAULT);
    Kind kind = new Kind.Quantity(true);

    assertThat(
            new Probation(bad, parent, fitter, gate, kind, java.util.Optional.empty())
                .verdict(unseen))
        .isPresent();
    assertThat(
            new Probation(parent, bad, fitter, gate, kind, java.util.Optional.empty())
                .verdict(unseen))
        .isEmpty();
  }

  @Test
  void whatIsNoNumberIsNotLearned() {
    Learner learner = numbers(this);
    add(learner, features(), "many");
    add(learner, features(), "-3");

    assertThat(learner.memorySize()).isZero();
  }

  private void set(Learner learner, boolean more) {
    float[] features = features();
    List<String> labels = new ArrayList<>();
    if (features[0] > 0) {
      labels.add("right");
    }
    if (features[1] > 0) {
      labels.add("up");
    }
    if (more && features[2] > 0) {
      labels.add("near");
    }
    add(learner, features, Label.text(labels));
  }

  @Test
  void learnsSetsOfLabelsFromColdAndALabelMoreLater() {
    Learner learner = learner(new Kind.LabelSet(), List.of());
    for (int i = 0; i < 200; i++) {
      set(learner, false);
    }

    Head first = learner.train("samples", 1);

    assertThat(first.info().verdict().accepted()).as(first.info().verdict().reason()).isTrue();
    assertThat(first.info().labels()).containsExactlyInAnyOrder("right", "up");
    assertThat(right(first)).isGreaterThan(.93);
    learner.live(first);
    for (int i = 0; i < 300; i++) {
      set(learner, true);
    }

    Head grown = learner.train("samples", 2);

    assertThat(grown.info().verdict().accepted()).as(grown.info().verdict().reason()).isTrue();
    assertThat(grown.info().labels()).startsWith(first.info().labels().toArray(String[]::new));
    assertThat(grown.info().labels()).hasSize(3).contains("near");
  }

  /** As where labels are rare: a head would have nothing to tell. */
  @Test
  void whatNamesNoLabelYetIsNothingToTrainOn() {
    Learner learner = learner(new Kind.LabelSet(), List.of());
    for (int i = 0; i < 20; i++) {
      add(learner, features(), "[]");
    }
    assertThat(learner.due()).isEmpty();

    add(learner, features(), "[\"far\"]");

    assertThat(learner.due()).contains("samples");
  }

  @Test
  void learnsALabelThatFewRecordsHave() {
    Learner learner = learner(new Kind.LabelSet(), List.of());
    for (int i = 0; i < 300; i++) {
      float[] features = features();
      add(learner, features, features[0] > 1.2 ? "[\"far\"]" : "[]");
    }

    Head head = learner.train("samples", 1);

    assertThat(head.info().verdict().accepted()).as(head.info().verdict().reason()).isTrue();
    LinearHead linear = layout.linear(head);
    assertThat(linear.logits(new float[] {2.5f, 0, 0, 0})[0]).isPositive();
    assertThat(linear.logits(new float[] {0, 0, 0, 0})[0]).isNegative();
  }

  /** Share of the answers by label that are right. */
  private double right(Head head) {
    LinearHead linear = layout.linear(head);
    int right = 0;
    for (int i = 0; i < 500; i++) {
      float[] features = features();
      float[] logits = linear.logits(features);
      for (int c = 0; c < logits.length; c++) {
        float axis = features[head.info().labels().get(c).equals("right") ? 0 : 1];
        right += logits[c] > 0 == axis > 0 ? 1 : 0;
      }
    }
    return right / 1000.0;
  }
}
