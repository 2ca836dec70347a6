package dev.headwater.adapt.align;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.LinearHead;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class AlignerTest {
  private static final FineTuner TUNER = new FineTuner(FitSettings.DEFAULT, true);
  private static final SourceStatistics NONE = SourceStatistics.none(Blobs.CLASSES, Blobs.DIM);

  private final Blobs blobs = new Blobs();
  private final LinearHead anchor = Blobs.head();
  private int next;
  private final Aligner aligner = new Aligner(TUNER, anchor, NONE);

  @Test
  void followsAClassThatCrossedABoundary() {
    blobs.turn(0, 47);
    double before = blobs.accuracy(anchor);
    fill(150);

    Alignment alignment = aligner.align();

    assertThat(before).as("the anchor takes most of class 0 for class 1").isLessThan(0.9);
    assertThat(alignment.verdict().accepted()).as(alignment.verdict().reason()).isTrue();
    assertThat(alignment.verdict().judged()).as("labels read").isZero();
    assertThat(blobs.accuracy(alignment.head())).isGreaterThan(0.97);
    assertThat(alignment.source().counts()).as("all classes seen").doesNotContain(0f);
  }

  @Test
  void startsFromTheAnchorEachTimeAndIsDeterministic() {
    blobs.turn(0, 47);
    Aligner twin = new Aligner(TUNER, anchor, NONE);
    for (int i = 0; i < 150; i++) {
      float[] features = blobs.of(i % Blobs.CLASSES);
      aligner.add("r" + next, features);
      twin.add("r" + next++, features);
    }

    LinearHead head = aligner.align().head();

    assertThat(head.weight()).isEqualTo(twin.align().head().weight());
    blobs.turn(0, 0);
    fill(150);
    assertThat(aligner.align().head()).as("the class is back where it was").isSameAs(anchor);
  }

  @Test
  void leavesAHeadAloneThatNothingMovesUnder() {
    fill(150);

    Alignment alignment = aligner.align();

    assertThat(alignment.verdict().accepted()).isFalse();
    assertThat(alignment.verdict().reason()).isEqualTo("no class shift detected");
    assertThat(alignment.head()).isSameAs(anchor);
    assertThat(alignment.verdict().numbers()).containsEntry("moved", 0.0);
    assertThat(alignment.verdict().numbers().get("agreement")).isGreaterThan(0.97);
  }

  @Test
  void takesAGainForNoDrift() {
    blobs.gain(0.2);
    fill(150);

    assertThat(aligner.align().head()).isSameAs(anchor);
  }

  @Test
  void undoesAShiftOfAllClassesAndStartsOverFromAnAnchorWhereItsWindowLay() {
    fill(150);
    aligner.align();
    blobs.shift(1.5f);
    double before = blobs.accuracy(anchor);
    fill(150);

    Alignment alignment = aligner.align();

    assertThat(before).isLessThan(0.6);
    assertThat(alignment.verdict().accepted()).isTrue();
    assertThat(alignment.verdict().reason())
        .startsWith("re-centring raises the mutual information by ");
    assertThat(blobs.accuracy(alignment.head())).isGreaterThan(0.97);
    aligner.anchor(alignment.head(), NONE);
    assertThat(aligner.align().head())
        .as("where labels taught it, nothing is left to undo")
        .isSameAs(alignment.head());
  }

  /** As where the trainer starts again, and reads what came in one go. */
  @Test
  void theFirstFullWindowIsTheSourceAlsoWhereItIsAskedOnlyAfterTheShift() {
    fill(150);
    blobs.shift(1.5f);
    fill(150);

    assertThat(aligner.align().verdict().accepted()).isTrue();
  }

  @Test
  void knowsOtherProportionsAlsoWhereItIsAskedOnlyAfterThem() {
    fill(150);
    for (int i = 0; i < 150; i++) {
      aligner.add("r" + next++, blobs.of(0));
    }

    assertThat(aligner.align().head()).isSameAs(anchor);
  }

  @Test
  void takesOtherProportionsForNoDrift() {
    for (int i = 0; i < 150; i++) {
      aligner.add("r" + next++, blobs.of(i % 20 == 0 ? 1 : 2));
    }

    Alignment alignment = aligner.align();

    assertThat(alignment.head()).as("re-centring would move all of them").isSameAs(anchor);
  }

  @Test
  void knowsOtherProportionsOnceItKnowsTheSource() {
    fill(150);
    aligner.align();
    for (int i = 0; i < 150; i++) {
      aligner.add("r" + next++, blobs.of(i % 2));
    }

    Alignment alignment = aligner.align();

    assertThat(alignment.head()).isSameAs(anchor);
    assertThat(alignment.verdict().accepted()).isFalse();
    assertThat(alignment.verdict().reason())
        .startsWith("changed class proportions explain all but ");
  }

  @Test
  void handsOnWhatHistorySaysAndKeepsItOfAClassThatTheWindowLacks() {
    SourceStatistics source = SourceStatistics.of(blobs.labelled(40), Blobs.CLASSES);
    aligner.anchor(anchor, source);
    blobs.turn(0, 47);
    List<float[]> window = new ArrayList<>();
    for (int i = 0; i < 150; i++) {
      window.add(blobs.of(i % 3));
    }
    window.forEach(row -> aligner.add("r" + next++, row));

    Alignment alignment = aligner.align();
    SourceStatistics found =
        Clustering.of(Directions.units(window), Aligner.opinion(anchor, window), source)
            .statistics();

    assertThat(alignment.verdict().accepted()).as(alignment.verdict().reason()).isTrue();
    assertThat(alignment.source().directions()).isSameAs(source.directions());
    assertThat(found.counts()[3]).isEqualTo(10);
    assertThat(direction(found, 3)).isEqualTo(direction(source, 3));
    assertThat(direction(found, 0)).isNotEqualTo(direction(source, 0));
  }

  @Test
  void takesTheFirstWindowForTheSourceWhereNothingElseIsKnownAndKeepsIt() {
    fill(150);
    SourceStatistics first = aligner.align().source();
    assertThat(first.mixture()).isNotNull();
    assertThat(first.counts()).as("all classes seen").doesNotContain(0f);
    blobs.turn(0, 47);
    fill(150);

    assertThat(aligner.align().source()).as("wherever classes go").isEqualTo(first);
    Random noise = new Random(3);
    for (int i = 0; i < 150; i++) {
      float[] features = new float[Blobs.DIM];
      features[4 + noise.nextInt(Blobs.DIM - 4)] = noise.nextFloat();
      aligner.add("r" + next++, features);
    }
    Alignment lost = aligner.align();
    assertThat(lost.verdict().reason()).startsWith("clusters agree with the head on ");
    assertThat(lost.source()).as("what was carried on is forgotten, not this").isEqualTo(first);
    aligner.anchor(anchor, NONE);
    fill(150);
    assertThat(aligner.align().source()).as("of another anchor").isNotEqualTo(first);
  }

  @Test
  void isNotDueWhileLabelsCome() {
    fill(150);
    aligner.labelled();
    fill(74);
    assertThat(aligner.due()).isFalse();

    fill(1);
    assertThat(aligner.due()).isTrue();
  }

  @Test
  void isDueOnceThereIsEnoughThatIsNew() {
    fill(74);
    assertThat(aligner.due()).as("too few").isFalse();

    fill(1);
    assertThat(aligner.due()).isTrue();

    aligner.align();
    fill(24);
    assertThat(aligner.due()).as("a sixth of a window is not yet renewed").isFalse();
    fill(1);
    assertThat(aligner.due()).isTrue();
  }

  @Test
  void wantsStatisticsThatFitTheHead() {
    assertThatThrownBy(() -> aligner.anchor(anchor, SourceStatistics.none(3, Blobs.DIM)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("3 classes");
  }

  private void fill(int samples) {
    for (int i = 0; i < samples; i++) {
      aligner.add("r" + next++, blobs.of(i % Blobs.CLASSES));
    }
  }

  private static List<Float> direction(SourceStatistics source, int label) {
    return IntStream.range(0, source.dim())
        .mapToObj(d -> source.directions()[label * source.dim() + d])
        .toList();
  }
}
