package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.align.Blobs;
import dev.headwater.adapt.align.Mixture;
import dev.headwater.adapt.align.SourceStatistics;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class RealignmentTest {
  private final Blobs blobs = new Blobs();
  private final Samples samples = new Samples("task", "backbone", Blobs.DIM);
  private final HeadLayout layout = new HeadLayout(new LinearLayer("w", "b", true), Blobs.DIM);
  private final LinearFitter fitter =
      new LinearFitter(layout, new FineTuner(FitSettings.DEFAULT, true));
  private final Head anchor = head(3, Blobs.head(), Map.of());
  private final Realignment realignment = realignment(anchor, Optional.empty());

  private Realignment realignment(Head from, Optional<Head> aligned) {
    return new Realignment(
        fitter, new Gate(GateSettings.DEFAULT), from, aligned, Clock.systemUTC());
  }

  private Head head(long version, LinearHead linear, Map<String, Tensor> source) {
    List<String> labels = IntStream.range(0, Blobs.CLASSES).mapToObj(label -> "l" + label).toList();
    Verdict verdict = new Verdict(true, "planted", 10, Map.of("trainedThrough.0", 149.0));
    HeadInfo info =
        new HeadInfo(
            "task", version, 0, labels, "backbone", Instant.EPOCH, "samples", "cpu", verdict);
    Tensor none = Tensor.zeros(0, 1);
    return new Head(info, layout.tensors(linear), none, none, source);
  }

  private void take(int count) {
    take(realignment, count);
  }

  private void take(Realignment following, int count) {
    for (int i = 0; i < count; i++) {
      following.take(samples.of("r" + i, null, blobs.of(i % Blobs.CLASSES), Reason.UNLABELLED, 5));
    }
  }

  @Test
  void makesAWholeHeadOfTheAnchorThatMoved() {
    blobs.turn(0, 47);
    take(150);

    Head moved = realignment.align(7, List.of());

    HeadInfo info = moved.info();
    assertThat(info.version()).isEqualTo(7);
    assertThat(info.parent()).as("the head that labels support").isEqualTo(3);
    assertThat(info.aligned()).isTrue();
    assertThat(info.verdict().judged()).as("labels read").isZero();
    assertThat(info.verdict().numbers()).containsEntry("trainedThrough.0", 149.0);
    assertThat(SourceStatistics.of(moved.source())).isPresent();
    LinearHead linear = layout.linear(moved);
    for (int row = 0; row < 8; row++) {
      float[] features = new float[Blobs.DIM];
      System.arraycopy(moved.goldenFeatures().values(), row * Blobs.DIM, features, 0, Blobs.DIM);
      float[] logits = new float[Blobs.CLASSES];
      System.arraycopy(
          moved.goldenLogits().values(), row * Blobs.CLASSES, logits, 0, Blobs.CLASSES);
      assertThat(linear.logits(features)).as("golden pair %d", row).isEqualTo(logits);
    }
  }

  @Test
  void saysThatTheAnchorShouldServeWhereNothingMoved() {
    take(150);
    assertThat(realignment.due()).isTrue();

    Head still = realignment.align(7, List.of());

    assertThat(still.info().verdict().accepted()).isFalse();
    assertThat(still.info().verdict().cause()).as("no candidate").isNull();
    assertThat(realignment.anchor()).isSameAs(anchor);
    assertThat(realignment.due()).as("nothing new").isFalse();
  }

  /** Or a trainer that starts again would take what has shifted since for what was before. */
  @Test
  void aHeadOfLabelsIsToldHowTrafficLayWhenItWasMade() {
    take(150);
    Head made = head(4, Blobs.head(), SourceStatistics.none(Blobs.CLASSES, Blobs.DIM).tensors());

    Head told = realignment.witnessed(made);

    assertThat(SourceStatistics.of(made.source()).orElseThrow().mixture()).isNull();
    assertThat(SourceStatistics.of(told.source()).orElseThrow().mixture()).isNotNull();
    assertThat(told.tensors()).isEqualTo(made.tensors());
    assertThat(realignment(made, Optional.empty()).witnessed(made))
        .as("with no full window")
        .isSameAs(made);
  }

  @Test
  void anErasedRecordIsNeitherReadNorCarried() {
    blobs.turn(0, 47);
    take(150);
    realignment.erase("r149");
    assertThat(realignment.align(7, List.of()).goldenFeatures().shape()[0]).isEqualTo(7);

    take(150);
    assertThat(realignment.due()).isTrue();
    IntStream.range(0, 76).forEach(i -> realignment.erase("r" + i));
    assertThat(realignment.due()).as("too few are left").isFalse();
  }

  @Test
  void asksTheLabelsThereAre() {
    blobs.turn(0, 47);
    take(150);

    Verdict with = realignment.align(7, labelled(20, 0)).info().verdict();
    take(25);
    Verdict against = realignment.align(7, labelled(20, 1)).info().verdict();

    assertThat(with.accepted()).as(with.reason()).isTrue();
    assertThat(with.judged()).isEqualTo(20);
    assertThat(against.accepted()).isFalse();
    assertThat(against.cause()).isEqualTo("worse-on-known");
    assertThat(against.judged()).isEqualTo(20);
  }

  /** Of what moved, which the anchor takes for the next label. */
  private List<Remembered> labelled(int count, int label) {
    return Stream.generate(() -> blobs.of(0))
        .filter(features -> Blobs.head().best(features) == 1)
        .limit(count)
        .map(features -> samples.of("r", "l" + label, features, Reason.HISTORY, 1))
        .map(sample -> Remembered.of(sample, 0, 0))
        .toList();
  }

  @Test
  void takesBackOnlyWhatItMadeOfThisAnchor() {
    blobs.turn(0, 47);
    take(150);
    Head moved = realignment.align(7, List.of());
    blobs.turn(0, 0);
    take(150);
    Verdict why = realignment.align(8, List.of()).info().verdict();

    Verdict back = realignment.wayBack(moved, why).orElseThrow();

    assertThat(back.accepted()).isFalse();
    assertThat(back.reason()).isEqualTo("withdrawn: no class shift detected");
    assertThat(back.numbers()).containsEntry("trainedThrough.0", 149.0);
    assertThat(realignment.wayBack(anchor, why)).isEmpty();
    realignment.anchor(head(9, Blobs.head(), Map.of()), Optional.empty());
    assertThat(realignment.wayBack(moved, why)).as("of another anchor").isEmpty();
  }

  @Test
  void startsFromWhatTheAnchorBringsOrElseWhatWasMadeOfIt() {
    float[] directions = new float[Blobs.CLASSES * Blobs.DIM];
    for (int c = 0; c < Blobs.CLASSES; c++) {
      directions[c * Blobs.DIM + c] = 1;
    }
    SourceStatistics known =
        new SourceStatistics(Blobs.CLASSES, Blobs.DIM, directions, new float[] {9, 9, 9, 9}, null);
    Head bringing = head(3, Blobs.head(), known.tensors());

    for (Realignment following :
        List.of(
            realignment(bringing, Optional.empty()),
            realignment(anchor, Optional.of(bringing)),
            realignment(bringing, Optional.of(anchor)))) {
      take(following, 150);
      Head next = following.align(7, List.of());
      assertThat(next.source()).as("and hands it on").containsAllEntriesOf(known.tensors());
    }
    Mixture before = Mixture.of(blobs.labelled(40), Blobs.CLASSES);
    Head made = head(4, Blobs.head(), known.with(before).tensors());
    Realignment restarted = realignment(bringing, Optional.of(made));
    take(restarted, 150);
    SourceStatistics source =
        SourceStatistics.of(restarted.align(7, List.of()).source()).orElseThrow();
    assertThat(source.mixture().means())
        .as("how traffic lay is not in what labels tell")
        .isEqualTo(before.means());
  }
}
