package dev.headwater.adapt.align;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.StreamFeatures;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.bundle.Bundles;
import java.util.Arrays;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Real streams with no label at all, prequentially: a record counts under the head that scored it.
 * Prints what it finds.
 */
class StreamAlignmentTest {
  private static final FineTuner TUNER = new FineTuner(FitSettings.DEFAULT, true);

  @ParameterizedTest
  @CsvSource({"0.1, 5, 0.03", "0.2, 5, 0.05", "1, 1, 0.05"})
  void followsAgeingSensors(double share, int draws, double gain) throws Exception {
    double sum = 0;
    for (long seed = 0; seed < draws; seed++) {
      Run run = run("gas", share, seed, 0);
      sum += run.adapted(0, run.records()) / draws;
      assertThat(run.adapted(0, run.records()) - run.frozen(0, run.records()))
          .as("each draw")
          .isPositive();
    }

    assertThat(sum).as("frozen: .773").isGreaterThan(0.773 + gain);
  }

  @ParameterizedTest
  @CsvSource({"0.2", "1"})
  void undoesWhatPicturesUpsideDownHaveInCommon(double share) throws Exception {
    Run run = run("fashion", share, 0, 0);

    assertThat(run.adapted(0, 2000))
        .as("upright")
        .isGreaterThanOrEqualTo(run.frozen(0, 2000) - 0.005);
    assertThat(run.adapted(2000, 6000))
        .as("upside down; frozen: .300")
        .isGreaterThan(run.frozen(2000, 6000) + 0.05);
  }

  /** Garments by their places in the list of labels. */
  @ParameterizedTest
  @ValueSource(strings = {"0 6", "1 3 9", "0 1 2 3 4", "5 7 9"})
  void leavesPicturesAloneOfWhichOnlySomeKindsComeAnyMore(String kinds) throws Exception {
    StreamFeatures stream = StreamFeatures.of(Bundles.data("fashion"));
    Set<String> left =
        Arrays.stream(kinds.split(" "))
            .map(kind -> stream.headLabels().get(Integer.parseInt(kind)))
            .collect(Collectors.toSet());
    int[] of = IntStream.range(0, 2000).filter(i -> left.contains(stream.truth().get(i))).toArray();
    IntStream fewer = new Random(3).ints(3000, 0, of.length).map(i -> of[i]);
    int[] order = IntStream.concat(IntStream.range(0, 1000), fewer).toArray();

    Run run = run("fashion", 0.3, 0, order);

    assertThat(run.adapted(1000, 4000)).isGreaterThanOrEqualTo(run.frozen(1000, 4000) - 0.01);
  }

  @Test
  void leavesKnownIntentsAloneWhileNewOnesComeIn() throws Exception {
    Run run = run("clinc", 0.2, 0, 4500);

    assertThat(run.adapted(0, 1500))
        .as("no drift")
        .isGreaterThanOrEqualTo(run.frozen(0, 1500) - 0.005);
    assertThat(run.adapted(1500, 4500))
        .as("half of them of no known class")
        .isGreaterThanOrEqualTo(run.frozen(1500, 4500) - 0.005);
  }

  /** Which records were right, under the frozen head and under the one that scored them. */
  private record Run(boolean[] frozenRight, boolean[] right) {
    int records() {
      return right.length;
    }

    double adapted(int from, int to) {
      return share(right, from, to);
    }

    double frozen(int from, int to) {
      return share(frozenRight, from, to);
    }

    private static double share(boolean[] of, int from, int to) {
      return IntStream.range(from, to).filter(i -> of[i]).count() / (double) (to - from);
    }
  }

  private static Run run(String name, double share, long seed, int records) throws Exception {
    int all = StreamFeatures.of(Bundles.data(name)).truth().size();
    return run(name, share, seed, IntStream.range(0, records > 0 ? records : all).toArray());
  }

  private static Run run(String name, double share, long seed, int[] order) throws Exception {
    StreamFeatures stream = StreamFeatures.of(Bundles.data(name));
    int n = order.length;
    LinearHead frozen = stream.head();
    Aligner aligner =
        new Aligner(TUNER, frozen, SourceStatistics.none(frozen.classes(), frozen.dim()));
    Random draw = new Random(11 + 1000 * seed);
    LinearHead live = frozen;
    Run run = new Run(new boolean[n], new boolean[n]);
    int heads = 0;
    for (int t = 0; t < n; t++) {
      float[] features = stream.features().get(order[t]);
      String truth = stream.truth().get(order[t]);
      run.right[t] = stream.headLabels().get(live.best(features)).equals(truth);
      run.frozenRight[t] = stream.headLabels().get(frozen.best(features)).equals(truth);
      if (draw.nextDouble() < share) {
        aligner.add("r" + t, features);
      }
      if (aligner.due()) {
        LinearHead before = live;
        live = aligner.align().head();
        heads += live == before ? 0 : 1;
      }
    }
    System.out.printf(
        "%s, share %.1f, seed %d: %.4f (frozen %.4f), first 1,500 %.4f (%.4f), heads %d%n",
        name,
        share,
        seed,
        run.adapted(0, n),
        run.frozen(0, n),
        run.adapted(0, 1500),
        run.frozen(0, 1500),
        heads);
    return run;
  }
}
