package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.align.SourceStatistics;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Kind;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Verdict;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LearnerTest {
  private static final int DIM = 8;
  private Samples samples = new Samples("task", "backbone", DIM);
  private final HeadLayout layout = new HeadLayout(new LinearLayer("w", "b", true), DIM);
  private final Learner learner = learner(List.of(), true);
  private long offset;

  @Test
  void aColdStartMakesTheFirstHeadFromSamplesAlone() {
    feed(learner, 40, 3);

    Head head = learner.train("samples", 1);

    assertThat(head.info().verdict().accepted()).as(head.info().verdict().reason()).isTrue();
    assertThat(head.info().labels()).containsExactly("l0", "l1", "l2");
    assertThat(head.info().parent()).isZero();
    assertThat(right(head, 3)).isGreaterThan(0.95);
  }

  @Test
  void oneLabelAloneIsNothingToLearn() {
    feed(learner, 40, 1);

    assertThat(learner.due()).isEmpty();
  }

  @Test
  void oneLabelAloneIsNothingToLearnBesideAHeadThatKnowsMore() {
    feed(learner, 40, 3);
    Learner next = learner(List.of(), true);
    next.live(bundled(learner.train("samples", 1)));
    feed(next, 40, 1);

    assertThat(next.due()).isEmpty();
  }

  /** As of an annotator who works through some classes: no sample shows what the others lose. */
  @Test
  void labelsOfSomeClassesDoNotMakeItForgetTheOthers() {
    for (int i = 0; i < 300; i++) {
      learner.add(samples.of("r" + i, i % 10), 0, offset++);
    }
    Head live = bundled(learner.train("samples", 1));
    Learner next = learner(List.of(), true);
    next.live(live);
    for (int i = 0; i < 300; i++) {
      next.add(samples.drawn("d" + i, i % 10), 0, offset++);
    }
    for (int i = 0; i < 100; i++) {
      next.add(samples.of("s" + i, i % 2), 0, offset++);
    }

    Head head = next.train("samples", 1);

    assertThat(right(live, 10)).isGreaterThan(.9);
    assertThat(right(head, 10)).isGreaterThan(right(live, 10) - .03);
  }

  @Test
  void aFullMemoryAndARefusalDoNotEndTheTrainings() {
    Learner small = learner(30);
    feed(small, 60, 3);
    small.train("samples", 1); // whatever became of it, it is not live
    assertThat(small.due()).isEmpty();
    feed(small, 10, 3, "later");

    assertThat(small.due()).contains("samples");
  }

  @Test
  void nothingIsTrainedThatTheGateCouldOnlyRefuse() {
    feed(learner, 40, 3);
    learner.live(learner.train("samples", 1));
    learner.drifted("drift");
    feed(learner, 9, 3, "x");
    assertThat(learner.due()).isEmpty();

    feed(learner, 1, 3, "y");
    assertThat(learner.due()).isPresent();
  }

  @Test
  void aNewLabelJoinsTheLabelSetAndTheOldOnesKeepTheirPlaces() {
    feed(learner, 40, 3);
    learner.live(learner.train("samples", 1));
    for (int i = 0; i < 20; i++) {
      learner.add(samples.of("n" + i, 3 + i % 2), 0, offset++);
    }

    Head grown = learner.train("samples", 2);

    assertThat(grown.info().verdict().accepted()).as(grown.info().verdict().reason()).isTrue();
    assertThat(grown.info().labels()).containsExactly("l0", "l1", "l2", "l3", "l4");
    assertThat(grown.info().parent()).isEqualTo(1);
    assertThat(right(grown, 5)).isGreaterThan(0.95);
  }

  @Test
  void judgesOnlyOnWhatTheLiveHeadDidNotTrainOn() {
    feed(learner, 40, 3);
    learner.live(learner.train("samples", 1));
    for (int i = 0; i < 12; i++) {
      learner.add(samples.of("later" + i, i % 3), 0, offset++);
    }

    assertThat(learner.train("samples", 2).info().verdict().judged()).isEqualTo(12);
  }

  @Test
  void aTrainerThatStartsAnewJudgesAsTheOneBeforeItDid() {
    feed(learner, 40, 3);
    Head first = learner.train("samples", 1);
    Learner restarted = learner(List.of(), true);
    restarted.live(first);
    offset = 0;
    feed(restarted, 52, 3);

    assertThat(restarted.train("samples", 2).info().verdict().judged()).isEqualTo(12);
  }

  @Test
  void refusedSamplesStayJudgedUntilAHeadIsAccepted() {
    feed(learner, 40, 3);
    learner.live(learner.train("samples", 1));
    feed(learner, 10, 3, "x");
    learner.train("samples", 2);
    feed(learner, 10, 3, "y");

    assertThat(learner.train("samples", 3).info().verdict().judged()).isEqualTo(20);
  }

  @Test
  void aGateThatRefusedIsAskedAgainWhenMoreHasComeAndAtOnceAfterAnAlarm() {
    feed(learner, 40, 3);
    learner.live(learner.train("samples", 1));
    feed(learner, 10, 3, "x");
    learner.train("samples", 2);
    for (int i = 0; i < 10; i++) {
      learner.add(samples.of("x" + i, (i + 1) % 3), 0, offset++);
    }
    assertThat(learner.due()).as("ten corrections, and no more to judge on").isEmpty();

    learner.drifted("drift-errors");
    assertThat(learner.due()).contains("drift-errors");
  }

  @Test
  void historyIsLearnedFromButNeverJudgedOn() {
    for (int i = 0; i < 30; i++) {
      learner.add(
          samples.of("h" + i, "l" + i % 3, samples.features(i % 3), Reason.HISTORY, 1),
          0,
          offset++);
    }
    assertThat(learner.due()).as("history sets off no training").isEmpty();

    Head first = learner.trainFirst("history", 1);

    assertThat(first.info().verdict().judged()).isEqualTo(30);
    assertThat(learner.train("samples", 1).info().verdict().judged()).isZero();
  }

  @Test
  void whatNobodyLabelledTeachesTooUntilItIsErased() {
    feed(learner, 40, 3);
    float[] alone = weights(learner.train("samples", 1));

    learner.add(unlabelled("u", samples.features(1)), 0, offset++);
    assertThat(learner.memorySize()).isEqualTo(40);
    assertThat(weights(learner.train("samples", 1))).isNotEqualTo(alone);

    learner.erase("u");
    assertThat(weights(learner.train("samples", 1))).isEqualTo(alone);
  }

  @Test
  void anErasedRecordNeitherTeachesNorIsCarried() {
    feed(learner, 40, 3);
    learner.erase("r39");
    Learner other = learner(List.of(), true);
    offset = 0;
    samples = new Samples("task", "backbone", DIM);
    feed(other, 39, 3);

    Head head = learner.train("samples", 1);

    assertThat(weights(head)).isEqualTo(weights(other.train("samples", 1)));
    assertThat(head.goldenFeatures().values())
        .isEqualTo(other.train("samples", 1).goldenFeatures().values());
  }

  @Test
  void whatNoHeadIsSureOfTeachesNothing() {
    feed(learner, 40, 3);
    float[] alone = weights(learner.train("samples", 1));

    learner.add(unlabelled("u", new float[DIM]), 0, offset++);

    assertThat(weights(learner.train("samples", 1))).isEqualTo(alone);
  }

  @Test
  void whatIsLabelledCountsUnderItsLabelAlone() {
    feed(learner, 40, 3);
    float[] alone = weights(learner.train("samples", 1));

    learner.add(unlabelled("r0", samples.features(1)), 0, offset++);

    assertThat(weights(learner.train("samples", 1))).isEqualTo(alone);
  }

  private Sample unlabelled(String recordId, float[] features) {
    return samples.of(recordId, null, features, Reason.UNLABELLED, 10);
  }

  private static float[] weights(Head head) {
    return head.tensors().get("w").values();
  }

  @Test
  void samplesOfOthersAreIgnored() {
    Learner closed = learner(List.of("l0", "l1"), false);

    assertThat(closed.add(samples.of("r", 0), 0, 0)).isTrue();
    assertThat(closed.add(samples.of("unknown label", 7), 0, 1)).isFalse();
    assertThat(closed.add(new Samples("other", "backbone", DIM).of("task", 0), 0, 2)).isFalse();
    assertThat(closed.add(new Samples("task", "other", DIM).of("space", 0), 0, 3)).isFalse();
    assertThat(closed.add(new Samples("task", "backbone", 3).of("width", 0), 0, 4)).isFalse();
    Sample unlabelled = Sample.newBuilder(samples.of("none", 0)).setLabel(null).build();
    assertThat(closed.add(unlabelled, 0, 5)).isFalse();
    assertThat(closed.memorySize()).isEqualTo(1);
  }

  @Test
  void whatIsDrawnMayBeShorterThanWhatTeaches() {
    Space space =
        new Space(
            "task",
            "backbone",
            DIM,
            "task",
            2,
            List.of(),
            true,
            new Kind.OneLabel(),
            Optional.empty());
    Sample drawn = unlabelled("drawn", new float[2]);
    Sample labelled = samples.of("labelled", 0);

    assertThat(space.concerns(drawn)).isTrue();
    assertThat(space.admits(labelled)).isTrue();
    assertThat(space.concerns(unlabelled("whole", new float[DIM]))).isFalse();
    assertThat(
            space.admits(Sample.newBuilder(drawn).setReason(Reason.AUDIT).setLabel("l0").build()))
        .isFalse();
  }

  @Test
  void drawsMayBeAnotherTasks() {
    Space space =
        new Space(
            "size",
            "backbone",
            DIM,
            "task",
            DIM,
            List.of(),
            false,
            new Kind.Quantity(false),
            Optional.empty());
    Sample drawn = unlabelled("drawn", new float[DIM]);
    Sample told = samples.of("told", 0);

    assertThat(space.concerns(drawn)).isTrue();
    assertThat(space.concerns(Sample.newBuilder(drawn).setTask("size").build())).isFalse();
    assertThat(space.concerns(told)).as("a label of the other task").isFalse();
    assertThat(space.admits(Sample.newBuilder(told).setTask("size").setLabel("2.5").build()))
        .isTrue();
  }

  @Test
  void theGoldenPairsAreWhatTheHeadSays() {
    feed(learner, 40, 3);

    Head head = learner.train("samples", 1);

    LinearHead linear = layout.linear(head);
    int rows = (int) head.goldenFeatures().shape()[0];
    assertThat(rows).isEqualTo(8);
    for (int i = 0; i < rows; i++) {
      float[] row = new float[DIM];
      System.arraycopy(head.goldenFeatures().values(), i * DIM, row, 0, DIM);
      float[] wanted = linear.logits(row);
      for (int c = 0; c < 3; c++) {
        assertThat(head.goldenLogits().values()[i * 3 + c]).isEqualTo(wanted[c]);
      }
    }
  }

  @Test
  void bringsWhereItsLabelsLieWhereHeadsAreToBeAligned() {
    Learner aligning = learner(List.of(), true, aligning(AdaptSettings.of("id")));
    feed(aligning, 40, 3);
    feed(learner, 40, 3);

    Head head = aligning.trainFirst("history", 1);

    SourceStatistics source = SourceStatistics.of(head.source()).orElseThrow();
    assertThat(source.dim()).isEqualTo(DIM);
    assertThat(source.counts()).containsExactly(14, 13, 13);
    assertThat(source.mixture()).as("what was asked for is not what the traffic is").isNull();
    assertThat(learner.trainFirst("history", 1).source())
        .as("as large as the head, and read by nobody")
        .isEmpty();
  }

  @Test
  void bringsWhereHistoryLiesAltogether() {
    Learner aligning = learner(List.of(), true, aligning(AdaptSettings.of("id")));
    for (int i = 0; i < 30; i++) {
      aligning.add(
          samples.of("h" + i, "l" + i % 3, samples.features(i % 3), Reason.HISTORY, 1),
          0,
          offset++);
    }

    SourceStatistics source =
        SourceStatistics.of(aligning.trainFirst("history", 1).source()).orElseThrow();

    assertThat(source.mixture().means()).hasSize(3 * DIM);
  }

  private static AdaptSettings aligning(AdaptSettings settings) {
    return new AdaptSettings(
        settings.transactionalId(),
        settings.samples(),
        settings.growth(),
        settings.interval(),
        settings.memory(),
        settings.folds(),
        settings.balance(),
        settings.fit(),
        settings.heads(),
        settings.closeTimeout(),
        settings.promotion(),
        settings.drift(),
        true);
  }

  private Learner learner(List<String> labels, boolean open) {
    return learner(labels, open, AdaptSettings.of("id"));
  }

  private Learner learner(List<String> labels, boolean open, AdaptSettings settings) {
    FitSettings fit = new FitSettings("cpu", 1, 0.05, 12, 60);
    return new Learner(
        new Space("task", "backbone", DIM, labels, open),
        settings,
        new Gate(GateSettings.DEFAULT),
        new LinearFitter(layout, new FineTuner(fit, true)),
        Clock.fixed(Instant.EPOCH, ZoneOffset.UTC));
  }

  private Learner learner(int memory) {
    AdaptSettings defaults = AdaptSettings.of("id");
    return learner(
        List.of(),
        true,
        new AdaptSettings(
            defaults.transactionalId(),
            defaults.samples(),
            defaults.growth(),
            defaults.interval(),
            memory,
            defaults.folds(),
            defaults.balance(),
            defaults.fit(),
            defaults.heads(),
            defaults.closeTimeout(),
            defaults.promotion(),
            defaults.drift(),
            defaults.alignUnlabelled()));
  }

  /** The same as one that a bundle brings: it has trained on nothing that is here. */
  private static Head bundled(Head head) {
    HeadInfo info = head.info();
    Verdict verdict = new Verdict(true, "bundled", 0, Map.of());
    return new Head(
        new HeadInfo(
            info.task(),
            0,
            0,
            info.labels(),
            info.backbone(),
            info.createdAt(),
            "bundle",
            "none",
            verdict),
        head.tensors(),
        head.goldenFeatures(),
        head.goldenLogits());
  }

  private void feed(Learner to, int count, int labels) {
    feed(to, count, labels, "r");
  }

  private void feed(Learner to, int count, int labels, String prefix) {
    for (int i = 0; i < count; i++) {
      to.add(samples.of(prefix + i, i % labels), 0, offset++);
    }
  }

  private double right(Head head, int labels) {
    LinearHead linear = layout.linear(head);
    int right = 0;
    for (int i = 0; i < 200; i++) {
      int best = linear.best(samples.features(i % labels));
      right += head.info().labels().get(best).equals("l" + i % labels) ? 1 : 0;
    }
    return right / 200.0;
  }
}
