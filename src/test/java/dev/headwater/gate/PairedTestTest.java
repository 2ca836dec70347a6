package dev.headwater.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class PairedTestTest {
  @Test
  void countsExactlyWhereCountsAreFew() {
    assertThat(PairedTest.midP(2, 2)).isEqualTo(0.125, within(1e-12));
    assertThat(PairedTest.midP(3, 3)).isEqualTo(0.0625, within(1e-12));
    assertThat(PairedTest.midP(4, 5)).isEqualTo(3.5 / 32, within(1e-12));
    assertThat(PairedTest.midP(0, 0)).as("nothing seen, nothing known").isEqualTo(0.5);
  }

  @Test
  void doesNotUnderflowOnManyTrials() {
    assertThat(PairedTest.midP(2100, 4000)).isBetween(1e-4, 2e-3);
    assertThat(PairedTest.midP(2000, 4000)).isEqualTo(0.5, within(1e-9));
  }

  @Property(tries = 200)
  void winsAndLossesMirrorEachOther(
      @ForAll @IntRange(max = 300) int wins, @ForAll @IntRange(max = 300) int losses) {
    assertThat(PairedTest.midP(wins, wins + losses) + PairedTest.midP(losses, wins + losses))
        .isEqualTo(1, within(1e-9));
  }

  @Test
  void weighsTheEffectButNotTheEvidence() {
    PairedTest test =
        new PairedTest(
            List.of(
                new Trial("a", "b", "a", 1),
                new Trial("a", "b", "a", 1),
                new Trial("a", "a", "b", 20),
                new Trial("a", "a", "a", 18)));

    assertThat(test.gain()).isEqualTo(-18 / 40.0, within(1e-12));
    assertThat(test.pBetter()).isEqualTo(PairedTest.midP(2, 3));
    assertThat(test.discordant()).isEqualTo(3);
    assertThat(test.standardError()).isEqualTo(Math.sqrt(402) / 40, within(1e-12));
  }
}
