package dev.headwater.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.schema.Verdict;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class OverlapTest {
  private static final Trial CROWDED = trial(1, new Overlap(150, 1000, 700, 1000, .6, .9));
  private static final Trial SPARSE = trial(33, new Overlap(9, 10, 9, 16, .99, .98));

  @Test
  void theMeanOfTheGainsIsTheChangeOfIouOverAll() {
    List<Trial> trials = List.of(CROWDED, SPARSE, trial(2, new Overlap(40, 90, 30, 200, .9, .8)));
    double live = (150 + 33 * 9 + 2 * 40.) / (1000 + 33 * 10 + 2 * 90);
    double candidate = (700 + 33 * 9 + 2 * 30.) / (1000 + 33 * 16 + 2 * 200);

    assertThat(new PairedTest(Overlap.pooled(trials)).gain())
        .isCloseTo(candidate - live, within(1e-9));
    assertThat(Overlap.live(trials)).isCloseTo(live, within(1e-9));
    assertThat(Overlap.candidate(trials)).isCloseTo(candidate, within(1e-9));
  }

  @Test
  void aRecordWithoutForegroundChangesNothing() {
    List<Trial> empty = List.of(trial(1, new Overlap(0, 0, 0, 0, 1, 1)));

    assertThat(new PairedTest(Overlap.pooled(empty)).gain()).isZero();
    assertThat(Overlap.live(empty)).as("nothing was missed").isEqualTo(1);
  }

  /** All of them empty: over all, the IoU of both is 0, for one sees too much and one a pixel. */
  @Test
  void aHeadThatSeesLessWhereNothingIsIsBetter() {
    List<Trial> trials =
        new ArrayList<>(
            Collections.nCopies(11, new Trial("mask", 1, .9, new Overlap(0, 300, 0, 0, .7, 1))));
    trials.add(new Trial("mask", 1, .8, new Overlap(0, 300, 0, 1, .7, .99)));

    assertThat(judge(trials).accepted()).as(judge(trials).reason()).isTrue();
  }

  @Test
  void manyFullPicturesAreNotOutvotedByAnAuditedOneWithNextToNothingInIt() {
    List<Trial> trials = new ArrayList<>(Collections.nCopies(12, CROWDED));
    trials.add(SPARSE);
    double mean =
        trials.stream().mapToDouble(t -> t.weight() * t.gain()).sum()
            / trials.stream().mapToDouble(Trial::weight).sum();

    Verdict verdict = judge(trials);

    assertThat(mean).as("the mean of the records' own changes of IoU").isNegative();
    assertThat(verdict.accepted()).as(verdict.reason()).isTrue();
    assertThat(verdict.numbers()).containsKeys("liveIou", "candidateIou");
    assertThat(verdict.numbers().get("liveAccuracy"))
        .as("of pixels, weighted to the traffic")
        .isCloseTo((12 * .6 + 33 * .99) / 45, within(1e-9));
    assertThat(verdict.numbers().get("candidateAccuracy"))
        .isCloseTo((12 * .9 + 33 * .98) / 45, within(1e-9));
  }

  @Test
  void overlapWhereItIsWorseIsRefused() {
    Trial worse = trial(1, new Overlap(700, 1000, 650, 1000, .9, .88));

    assertThat(judge(Collections.nCopies(30, worse)).accepted()).isFalse();
  }

  @Test
  void masksAreComparedByIouWhateverTheMetricOfLabels() {
    GateSettings f1 =
        new GateSettings(
            .15, .005, .1, 20, 10, Metric.MACRO_F1, java.util.Map.of(), java.util.Map.of());
    List<Trial> trials = Collections.nCopies(12, CROWDED);

    assertThat(new Gate(f1).judge(judged(trials)).accepted()).isTrue();
  }

  private static Verdict judge(List<Trial> trials) {
    return new Gate(GateSettings.DEFAULT).judge(judged(trials));
  }

  private static Judged judged(List<Trial> trials) {
    return new Judged(trials, Set.of("mask"), Set.of("mask"), true);
  }

  private static Trial trial(double weight, Overlap overlap) {
    double before = overlap.liveUnion() == 0 ? 1 : overlap.liveIntersection() / overlap.liveUnion();
    double after = overlap.union() == 0 ? 1 : overlap.intersection() / overlap.union();
    return new Trial("mask", weight, after - before, overlap);
  }
}
