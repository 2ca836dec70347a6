package dev.headwater.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class SignFlipsTest {
  @Test
  void gainsOfOneSizeGiveTheSignTest() {
    List<Double> gains = new ArrayList<>(Collections.nCopies(9, 1.0));
    gains.addAll(Collections.nCopies(3, -1.0));

    assertThat(SignFlips.pGreater(gains)).isCloseTo(PairedTest.midP(9, 12), within(.02));
  }

  @Test
  void aFewLargeGainsOutweighManySmallLosses() {
    List<Double> gains = new ArrayList<>(Collections.nCopies(5, .5));
    gains.addAll(Collections.nCopies(20, -.01));
    List<Trial> trials =
        gains.stream().map(gain -> new Trial("mask", "mask", "mask", 1, gain, null)).toList();
    PairedTest test = new PairedTest(trials);

    assertThat(test.pBetter()).isLessThan(.05);
    assertThat(test.pWorse()).isGreaterThan(.95);
    assertThat(test.gain()).isCloseTo((5 * .5 - 20 * .01) / 25, within(1e-9));
    assertThat(PairedTest.midP(5, 25)).as("by their counts alone").isGreaterThan(.99);
  }
}
