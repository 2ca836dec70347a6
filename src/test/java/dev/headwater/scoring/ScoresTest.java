package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.bundle.Kind;
import dev.headwater.schema.Estimate;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class ScoresTest {
  private static HeadInfo info(int classes) {
    return new HeadInfo(
        "t",
        3,
        2,
        Heads.labels(classes),
        "b",
        Instant.EPOCH,
        "samples",
        "cpu",
        new Verdict(true, "", 0, Map.of()));
  }

  private static Scores of(float... logits) {
    return Scores.of(new Kind.OneLabel(), new Logits(info(logits.length), 1, logits), null);
  }

  @Property(tries = 300)
  void probabilitiesAddUpAndKeepTheOrderOfTheLogits(
      @ForAll @Size(min = 1, max = 60) List<@FloatRange(min = -1e6f, max = 1e6f) Float> drawn) {
    float[] logits = new float[drawn.size()];
    for (int i = 0; i < logits.length; i++) {
      logits[i] = drawn.get(i);
    }
    float[] p = of(logits).probabilities();

    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      sum += p[i];
      for (int j = 0; j < p.length; j++) {
        if (logits[i] > logits[j]) {
          assertThat(p[i]).isGreaterThanOrEqualTo(p[j]);
        }
      }
    }
    assertThat(sum).isCloseTo(1, within(1e-5));
  }

  @Property(tries = 300)
  void topIsWhatSortingGives(
      @ForAll @Size(min = 1, max = 40) List<@IntRange(min = -5, max = 5) Integer> logits,
      @ForAll @IntRange(min = 1, max = 50) int k) {
    float[] values = new float[logits.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = logits.get(i);
    }
    Scores scores = of(values);

    List<Scored> sorted =
        IntStream.range(0, values.length)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> -scores.probabilities()[i]))
            .map(i -> new Scored("label-" + i, scores.probabilities()[i]))
            .limit(k)
            .toList();
    assertThat(scores.top(k)).as("ties in the order of the labels").isEqualTo(sorted);
    assertThat(scores.best()).isEqualTo(scores.top(1).get(0));
  }

  @Test
  void doesNotOverflowOnExtremeLogits() {
    assertThat(of(3e38f, -3e38f, 0).probabilities()).containsExactly(1, 0, 0);
    assertThat(of(-3e38f, -3e38f).probabilities()).containsExactly(0.5f, 0.5f);
  }

  @Test
  void neverGivesAProbabilityThatIsNoNumber() {
    assertThatThrownBy(() -> of(1, Float.NaN))
        .isInstanceOf(ArithmeticException.class)
        .hasMessageContaining("t/3");
    assertThatThrownBy(() -> of(1, Float.POSITIVE_INFINITY))
        .isInstanceOf(ArithmeticException.class);
  }

  @Test
  void ofSeveralLabelsThoseMoreProbableThanNotAreToldAndTheLeastCertainCounts() {
    Scores scores =
        Scores.of(new Kind.LabelSet(), new Logits(info(3), 1, new float[] {4, -0.4f, 2}), null);

    KindAnswer answer = scores.answer();
    assertThat(answer.labels())
        .isEqualTo(List.of(info(3).labels().get(0), info(3).labels().get(2)));
    double least = 1 / (1 + Math.exp(-0.4));
    assertThat(scores.best().confidence()).isCloseTo(least, within(1e-6));
    assertThat(scores.confidence(Measure.MAX_PROBABILITY)).isCloseTo(least, within(1e-6));
    assertThat(scores.confidence(Measure.MARGIN)).isCloseTo(2 * least - 1, within(1e-6));
    assertThat(scores.top(1).get(0).label()).isEqualTo(info(3).labels().get(0));
  }

  @Test
  void aNumberIsNoFurtherOutThanWhatTheHeadWasTaughtAndItsInterval() {
    Map<String, Double> taught =
        Map.of(
            KindAnswer.HALF_WIDTH,
            Math.log(2),
            KindAnswer.LEAST,
            Math.log(10),
            KindAnswer.MOST,
            Math.log(500));
    HeadInfo head = info(1).judged(new Verdict(true, "", 0, taught));

    for (float said : new float[] {73, -73}) {
      Estimate estimate =
          Scores.of(new Kind.Quantity(true), new Logits(head, 1, new float[] {said}), null)
              .answer()
              .estimate();

      double at = said > 0 ? 1000 : 5;
      assertThat(estimate.value()).isCloseTo(at, within(1e-3));
      assertThat(estimate.lower()).isCloseTo(at / 2, within(1e-3));
      assertThat(estimate.upper()).isCloseTo(2 * at, within(1e-3));
    }
  }

  @Test
  void aNumberComesWithTheIntervalAndConfidenceThatTravelWithItsHead() {
    HeadInfo head =
        info(1)
            .judged(
                new Verdict(
                    true,
                    "",
                    0,
                    Map.of(KindAnswer.HALF_WIDTH, Math.log(2), KindAnswer.CONFIDENCE, .7)));
    float log = (float) Math.log(100);

    Scores scores =
        Scores.of(new Kind.Quantity(true), new Logits(head, 1, new float[] {log}), null);

    Estimate estimate = scores.answer().estimate();
    assertThat(estimate.value()).isCloseTo(100, within(1e-4));
    assertThat(estimate.lower()).as("by what factor").isCloseTo(50, within(1e-4));
    assertThat(estimate.upper()).isCloseTo(200, within(1e-4));
    assertThat(scores.confidence(Measure.ENTROPY)).as("whatever the measure").isEqualTo(.7);
    assertThat(scores.top(3)).isEmpty();
    Scores bare =
        Scores.of(new Kind.Quantity(false), new Logits(info(1), 1, new float[] {3}), null);
    assertThat(bare.answer().estimate()).isEqualTo(new Estimate(3, null, null));
    assertThat(bare.confidence(Measure.MARGIN)).as("nothing is known of its errors").isZero();
  }
}
