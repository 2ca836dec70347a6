package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TileSelectionTest {
  /** 64 tiles, of which eight fit. */
  private final Tiling tiling = new Tiling(48, 128, 128, 16, 2);

  private final float[] confidences = new float[128 * 128];

  @Test
  void theLeastCertainTilesAreAlwaysThere() {
    IntStream.range(0, confidences.length).forEach(i -> confidences[i] = .9f);
    confidences[16 * 128 + 32] = 0;
    int least = 8 + 2; // in the second row of tiles the third

    for (int seed = 0; seed < 50; seed++) {
      TileSelection draw = TileSelection.of(tiling, confidences, "r" + seed);
      assertThat(draw.tiles()).hasSize(8).contains(least);
      assertThat(new HashSet<>(draw.tiles())).as("none twice").hasSize(8);
      assertThat(draw.weights().get(draw.tiles().indexOf(least))).isEqualTo(1);
    }
  }

  @Test
  void weightedSumsOverTheDrawnTilesAreUnbiased() {
    for (int i = 0; i < confidences.length; i++) {
      confidences[i] = (i % 128) / 128f;
    }
    double sum = 0;
    int draws = 4_000;

    for (int seed = 0; seed < draws; seed++) {
      TileSelection draw = TileSelection.of(tiling, confidences, "r" + seed);
      for (int row = 0; row < draw.tiles().size(); row++) {
        sum += draw.weights().get(row) * draw.tiles().get(row);
      }
    }

    assertThat(sum / draws).as("of 0 to 63").isCloseTo(63 * 64 / 2.0, within(40.0));
  }

  @Test
  void aRecordDrawsTheSameTilesEachTime() {
    assertThat(TileSelection.of(tiling, confidences, "r1"))
        .isEqualTo(TileSelection.of(tiling, confidences, "r1"))
        .isNotEqualTo(TileSelection.of(tiling, confidences, "r2"));
  }

  @Test
  void aSmallMapIsTakenWholeAndNobodysOpinionDrawsUniformly() {
    TileSelection small = TileSelection.of(new Tiling(4, 20, 20, 16, 2), confidences, "r1");
    TileSelection cold = TileSelection.of(tiling, null, "r1");

    assertThat(small.tiles()).containsExactlyInAnyOrder(0, 1, 2, 3);
    assertThat(small.weights()).containsOnly(1f);
    assertThat(cold.tiles()).hasSize(8);
    assertThat(cold.weights()).containsOnly(8f);
  }
}
