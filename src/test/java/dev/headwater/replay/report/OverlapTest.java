package dev.headwater.replay.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OverlapTest {
  @Test
  void theForegroundIsEveryClassButTheFirst() {
    byte[] truth = {0, 0, 1, 1, 1, 2};
    byte[] mask = {0, 1, 1, 1, 0, 1};

    Overlap overlap = Overlap.of(truth, mask);

    assertThat(overlap.right()).isEqualTo(3);
    assertThat(overlap.pixels()).isEqualTo(6);
    assertThat(overlap.intersection()).isEqualTo(2);
    assertThat(overlap.union())
        .as("class 1: pixels 1 to 5, class 2: the last as well")
        .isEqualTo(5 + 1);
  }

  @Test
  void noMaskMissesWhatIsThere() {
    assertThat(Overlap.none(new byte[] {0, 1, 2})).isEqualTo(new Overlap(0, 3, 0, 2));
  }
}
