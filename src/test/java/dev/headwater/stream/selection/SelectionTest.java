package dev.headwater.stream.selection;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.scoring.Measure;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class SelectionTest {
  private static final double HALF = 0.5;

  @Test
  void hashesLikeOtherLanguages() {
    // Python: zlib.crc32(id.encode()), then MurmurHash3's fmix32
    assertThat(Selection.hash("")).isEqualTo(0L);
    assertThat(Selection.hash("headwater-1")).isEqualTo(1844867996L);
    assertThat(Selection.hash("é")).isEqualTo(1955056165L);
  }

  @Test
  void samplesUniformlyFromConsecutiveIds() {
    assertUniform(i -> "records-0-" + i);
  }

  @Test
  void samplesUniformlyFromHexIds() {
    assertUniform(i -> Integer.toHexString(i * 16));
  }

  @Test
  void samplesUniformlyFromRandomIds() {
    Random random = new Random(1);
    assertUniform(i -> new UUID(random.nextLong(), random.nextLong()).toString());
  }

  @Test
  void auditSamplesAndUnlabelledSamplesAreDisjoint() {
    Selection audit = new Selection(0.3, 0.5);
    int others = 0;
    for (int i = 0; i < 10_000; i++) {
      String id = "r" + i;
      boolean unlabelled = Selection.selectsUnlabelled(id, 0.7);
      assertThat(unlabelled && audit.audits(id)).isFalse();
      others += unlabelled ? 1 : 0;
    }
    assertThat(others).isBetween(6_800, 7_200);
  }

  /** Chi-square over 64 cells: 63 degrees of freedom, the .9999 quantile is 112. */
  private static void assertUniform(IntFunction<String> ids) {
    int n = 64_000;
    int[] cells = new int[64];
    for (int i = 0; i < n; i++) {
      cells[(int) (Selection.hash(ids.apply(i)) >>> 26)]++;
    }
    double chiSquare = 0;
    double expected = n / 64.0;
    for (int cell : cells) {
      chiSquare += (cell - expected) * (cell - expected) / expected;
    }
    assertThat(chiSquare).as("chi-square of 64 cells").isBetween(20.0, 112.0);
  }

  @Test
  void samplesTheConfiguredShare() {
    Selection selection = new Selection(0.05, HALF);
    long sampled = 0;
    for (int i = 0; i < 100_000; i++) {
      sampled += selection.audits("order-" + i) ? 1 : 0;
    }
    assertThat(sampled / 100_000.0).isCloseTo(0.05, within(0.003));
  }

  @Test
  void aLargerShareIncludesASmallerOne() {
    Selection small = new Selection(0.05, HALF);
    Selection large = new Selection(0.1, HALF);
    for (int i = 0; i < 10_000; i++) {
      if (small.audits("order-" + i)) {
        assertThat(large.audits("order-" + i)).isTrue();
      }
    }
  }

  @Test
  void samplesNoneAtZeroAndAllAtOne() {
    Selection none = new Selection(0, HALF);
    Selection all = new Selection(1, HALF);
    for (int i = 0; i < 1_000; i++) {
      assertThat(none.audits("order-" + i)).isFalse();
      assertThat(all.audits("order-" + i)).isTrue();
    }
  }

  @Test
  void rejectsInvalidSharesAndThresholds() {
    assertThatThrownBy(() -> new Selection(1.5, HALF)).hasMessageContaining("1.5");
    assertThatThrownBy(() -> new Selection(Double.NaN, HALF)).hasMessageContaining("NaN");
    assertThatThrownBy(() -> new Selection(0, -0.1)).hasMessageContaining("-0.1");
    assertThatThrownBy(() -> new Selection.Budget(0, 1, 100)).hasMessageContaining("0");
    assertThatThrownBy(() -> new Selection.Budget(0.1, 1, 1)).hasMessageContaining("window");
    assertThatThrownBy(() -> new Selection.Budget(0.1, 0, 100)).hasMessageContaining("burst");
    assertThatThrownBy(() -> selection(2, Optional.empty()))
        .hasMessageContaining("near-duplicate-distance");
    assertThatThrownBy(() -> selection(0, Optional.of(new Selection.Budget(0.05, 10, 100))))
        .hasMessageContaining("budget must exceed audit-share");
  }

  private static Selection selection(double distance, Optional<Selection.Budget> budget) {
    return new Selection(0.1, 1, Measure.MAX_PROBABILITY, distance, budget);
  }
}
