package dev.headwater.replay.recorded;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ComparisonTest {
  @Test
  void saysWhatIsShownAndNoMore() {
    assertThat(result(100, .05, .03).told())
        .contains("100 audited records", "(7 left out)", "desk-2", "desk ")
        .contains("desk-2 is better than desk");
    assertThat(result(100, -.05, .03).told()).contains("do not cut over");
    assertThat(result(100, -.05, .06).told()).contains("no difference is shown");
    assertThat(result(0, 0, 1).told()).contains("nothing can be said");
  }

  @Test
  void isWorseOnlyWhereThatIsShown() {
    assertThat(result(100, -.05, .03).worse()).isTrue();
    assertThat(result(100, -.05, .06).worse()).isFalse();
    assertThat(result(100, .05, .03).worse()).isFalse();
    assertThat(result(0, 0, 1).worse()).isFalse();
  }

  private static Comparison.Result result(int records, double gain, double p) {
    return new Comparison.Result(
        "kind", "desk-2", "desk", records, 7, .9 + gain, .9, 10, 5, gain, .02, p);
  }
}
