package dev.headwater.stream.selection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.schema.Reason;
import dev.headwater.scoring.Measure;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.FloatRange;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SelectorTest {
  private static final double AUDIT = 0.1;
  private static final float[] ANY = {1, 2, 3};

  private static Selector selector(double nearDuplicateDistance) {
    return new Selector(
        new Selection(
            AUDIT,
            0.8,
            Measure.MAX_PROBABILITY,
            nearDuplicateDistance,
            Optional.of(new Selection.Budget(0.3, 30, 50))));
  }

  private static float[] point(Random random) {
    float[] point = new float[6];
    for (int i = 0; i < point.length; i++) {
      point[i] = (float) random.nextGaussian();
    }
    return point;
  }

  @Property(tries = 50)
  void alwaysSelectsAuditSamples(@ForAll long seed) {
    Selection selection = new Selection(AUDIT, 0.8);
    Selector selector = selector(0.5);
    Random random = new Random(seed);
    for (int i = 0; i < 500; i++) {
      String id = "r-" + random.nextLong();
      Optional<Selector.Kept> selected = selector.select(id, ANY, random.nextDouble(), true);
      if (selection.audits(id)) {
        assertThat(selected.map(Selector.Kept::reason))
            .as("low-confidence or not")
            .contains(Reason.AUDIT);
      }
    }
  }

  @Property(tries = 50)
  void decidesDeterministically(@ForAll long seed) {
    Selector one = selector(0.5);
    Selector other = selector(0.5);
    Random random = new Random(seed);
    for (int i = 0; i < 500; i++) {
      float[] features = point(random);
      double confidence = random.nextDouble();
      assertThat(one.select("r-" + i, features, confidence, true))
          .isEqualTo(other.select("r-" + i, features, confidence, true));
    }
  }

  @Property(tries = 100)
  void auditSamplingDoesNotChangeTheLowConfidenceDecision(
      @ForAll long seed, @ForAll @IntRange(max = 300) int past) {
    Selector audited = selector(0.5);
    Selector other = selector(0.5);
    Random random = new Random(seed);
    for (int i = 0; i < past; i++) {
      float[] features = point(random);
      double confidence = random.nextDouble();
      boolean audit = random.nextInt(10) == 0;
      audited.unsure(features, confidence, audit);
      other.unsure(features, confidence, audit);
    }
    float[] features = point(random);
    double confidence = random.nextDouble();

    assertThat(audited.unsure(features, confidence, true))
        .as("the inclusion probability is known")
        .isEqualTo(other.unsure(features, confidence, false));
  }

  @Test
  void weightsUndoTheSelection() {
    // the weights estimate the number of records, with a limited budget and near-duplicates
    Selector selector = selector(0.5);
    Random random = new Random(2);
    float[] repeated = point(random);
    double estimate = 0;
    for (int i = 0; i < 200_000; i++) {
      estimate +=
          selector
              .select("id-" + i, i % 3 == 0 ? repeated : point(random), random.nextDouble(), true)
              .map(Selector.Kept::weight)
              .orElse(0.0);
    }
    assertThat(estimate / 200_000).as("Horvitz-Thompson").isCloseTo(1, within(0.02));
  }

  @Property(tries = 100)
  void skipsOnlyNearDuplicates(
      @ForAll long seed, @ForAll @FloatRange(min = 0.01f, max = 1e3f) float scale) {
    Selector selector =
        new Selector(new Selection(0, 0.8, Measure.MAX_PROBABILITY, 0.3, Optional.empty()));
    Random random = new Random(seed);
    // a grid: all points have the same distance to their nearest neighbours
    for (int i = 0; i < 64; i++) {
      float[] corner = {scale * (i & 3), scale * (i >> 2 & 3), scale * (i >> 4)};
      assertThat(selector.select("r", corner, 0.5, true)).as("point %d", i).isPresent();
    }
    int i = random.nextInt(64);
    float[] duplicate = {scale * ((i & 3) + 0.1f), scale * (i >> 2 & 3), scale * (i >> 4)};
    float[] between = {scale * ((i & 3) + 0.5f), scale * (i >> 2 & 3), scale * (i >> 4)};

    assertThat(selector.select("r", duplicate, 0.5, true)).isEmpty();
    assertThat(selector.select("r", between, 0.5, true)).isPresent();
  }

  @Test
  void comparesOnlyWithinOneFeatureSpace() {
    Selector selector =
        new Selector(new Selection(0, 0.8, Measure.MAX_PROBABILITY, 0.3, Optional.empty()));
    Random random = new Random(4);
    for (int i = 0; i < 100; i++) {
      float[] point = point(random);
      float[] longer = Arrays.copyOf(point, 9);
      assertThat(selects(selector, "one", point)).isTrue();
      assertThat(selects(selector, "other", point)).as("same features, another backbone").isTrue();
      assertThat(selects(selector, "one", longer)).as("another length").isTrue();
      assertThat(i > 20 && selects(selector, "one", point)).as("near-duplicate").isFalse();
    }
  }

  private static boolean selects(Selector selector, String backbone, float[] features) {
    return selector.select("r", backbone, () -> features, new double[] {0.5}, true).isPresent();
  }

  @Test
  void evaluatesFeaturesOnlyForTheNearDuplicateSearch() {
    Supplier<float[]> failing =
        () -> {
          throw new IllegalStateException("costs too much");
        };
    Selector searching =
        new Selector(new Selection(0, 0.8, Measure.MAX_PROBABILITY, 0.3, Optional.empty()));
    Selector noSearch =
        new Selector(new Selection(0, 0.8, Measure.MAX_PROBABILITY, 0, Optional.empty()));

    assertThat(searching.select("r", "", failing, new double[] {0.9}, true)).isEmpty();
    assertThat(noSearch.select("r", "", failing, new double[] {0.5}, true)).isPresent();
    assertThatThrownBy(() -> searching.select("r", "", failing, new double[] {0.5}, true))
        .hasMessage("costs too much");
  }

  @Test
  void selectsNearDuplicatesOfOldRequests() {
    Selector selector =
        new Selector(new Selection(0, 0.8, Measure.MAX_PROBABILITY, 0.3, Optional.empty()));
    Random random = new Random(3);
    float[] first = point(random);
    selector.select("r", first, 0.5, true);
    for (int i = 0; i < 100; i++) {
      selector.select("r", point(random), 0.5, true);
    }
    assertThat(selector.select("r", first, 0.5, true)).as("recent request").isEmpty();

    for (int i = 0; i < 400; i++) {
      selector.select("r", point(random), 0.5, true);
    }
    assertThat(selector.select("r", first, 0.5, true)).as("old request").isPresent();
  }

  @Test
  void selectsAllRecordsWithoutALiveHead() {
    Selector selector =
        new Selector(
            new Selection(
                0,
                1,
                Measure.MAX_PROBABILITY,
                0.5,
                Optional.of(new Selection.Budget(0.1, 1, 100))));
    for (int i = 0; i < 50; i++) {
      assertThat(selector.select("id-" + i, ANY, 0, false))
          .contains(new Selector.Kept(Reason.UNSURE, 1));
    }
  }

  @Test
  void aColdStartIsChargedToTheBudget() {
    Selection selection =
        new Selection(
            0, 1, Measure.MAX_PROBABILITY, 0, Optional.of(new Selection.Budget(0.1, 60, 100)));
    Selector cold = new Selector(selection);
    Selector warm = new Selector(selection);
    Random random = new Random(4);
    for (int i = 0; i < 200; i++) {
      cold.select("cold-" + i, ANY, 0, false);
    }
    int requested = 0;
    int requestedWarm = 0;
    for (int i = 0; i < 100; i++) {
      double confidence = random.nextDouble();
      requested += cold.select("id-" + i, ANY, confidence, true).isPresent() ? 1 : 0;
      requestedWarm += warm.select("id-" + i, ANY, confidence, true).isPresent() ? 1 : 0;
    }

    assertThat(requested).as("the share only: the reserve is empty").isLessThanOrEqualTo(11);
    assertThat(requestedWarm).as("the share and the reserve").isGreaterThan(50);
  }

  @Test
  void eachTaskHasItsPartOfTheBudget() {
    Selector selector =
        new Selector(
            new Selection(
                0,
                1,
                Measure.MAX_PROBABILITY,
                0,
                Optional.of(new Selection.Budget(0.2, 100, 200))));
    Random random = new Random(6);
    int low = 0;
    int lowRequested = 0;
    int requested = 0;
    for (int i = 0; i < 5000; i++) {
      double first = 0.5 + random.nextDouble() / 2;
      // the second task has a constant confidence, below that of the first, like a numeric head
      boolean selected =
          selector.select("id-" + i, "", () -> ANY, new double[] {first, 0.3}, true).isPresent();
      requested += selected ? 1 : 0;
      low += first < 0.525 ? 1 : 0;
      lowRequested += selected && first < 0.525 ? 1 : 0;
    }

    assertThat(requested).as("the share and the burst").isBetween(800, 1100);
    assertThat((double) lowRequested / low)
        .as("the least certain 5 % of the first task, more than twice the share")
        .isGreaterThan(0.45);
  }

  @Test
  void aboveTheRateItConsidersAUniformSubsample() {
    AtomicLong clock = new AtomicLong();
    Selection selection =
        new Selection(AUDIT, 0.8, Measure.MAX_PROBABILITY, 0, Optional.empty(), 1000, Map.of());
    Selector selector = new Selector(selection, clock::get);
    int considered = 0;
    int audited = 0;
    for (int i = 0; i < 200_000; i++) {
      clock.addAndGet(TimeUnit.SECONDS.toNanos(1) / 20_000);
      boolean isConsidered = selector.considers("id-" + i, 1);
      considered += isConsidered ? 1 : 0;
      audited += isConsidered && selection.audits("id-" + i) ? 1 : 0;
    }

    assertThat(considered).as("ten seconds, and the first 1000").isBetween(10_000, 11_500);
    assertThat((double) audited / considered).isCloseTo(AUDIT, within(.01));
  }
}
