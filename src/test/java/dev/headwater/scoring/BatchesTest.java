package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class BatchesTest {
  @Test
  void recordsOfOneLengthFillTheirBatches() {
    assertThat(Batches.ends(new int[] {7, 7, 7, 7, 7}, 2)).containsExactly(2, 4, 5);
  }

  @Test
  void fewOfLikeLengthShareARun() {
    assertThat(Batches.ends(new int[] {12, 11, 11, 10}, 32)).containsExactly(4);
  }

  @Test
  void aLongRecordDoesNotPadTheOthers() {
    assertThat(Batches.ends(new int[] {200, 10, 10, 10, 9}, 32)).containsExactly(1, 5);
  }

  @Test
  void nothingHasNoBatches() {
    assertThat(Batches.ends(new int[0], 32)).isEmpty();
  }

  @Property
  void noOtherCutsCostLess(
      @ForAll @Size(min = 1, max = 9) List<@IntRange(max = 40) Integer> records,
      @ForAll @IntRange(min = 1, max = 9) int largest) {
    int[] lengths =
        records.stream().sorted(Comparator.reverseOrder()).mapToInt(Integer::intValue).toArray();

    List<Integer> ends = Batches.ends(lengths, largest);

    double run = Arrays.stream(lengths).average().orElseThrow();
    double cost = 0;
    int from = 0;
    for (int end : ends) {
      assertThat(end - from).isBetween(1, largest);
      cost += run + (double) lengths[from] * (end - from);
      from = end;
    }
    assertThat(from).isEqualTo(lengths.length);
    assertThat(cost).isCloseTo(cheapest(lengths, 0, largest, run), within(1e-9));
  }

  private static double cheapest(int[] lengths, int from, int largest, double run) {
    if (from == lengths.length) {
      return 0;
    }
    double cheapest = Double.POSITIVE_INFINITY;
    for (int end = from + 1; end <= Math.min(lengths.length, from + largest); end++) {
      double rest = cheapest(lengths, end, largest, run);
      cheapest = Math.min(cheapest, run + (double) lengths[from] * (end - from) + rest);
    }
    return cheapest;
  }
}
