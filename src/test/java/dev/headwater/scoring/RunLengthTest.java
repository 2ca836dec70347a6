package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RunLengthTest {
  private final RunLength length = new RunLength(32);

  private void run(int runs, int records, long microsARecord) {
    for (int i = 0; i < runs; i++) {
      length.took(records, records * microsARecord * 1_000);
    }
  }

  @Test
  void isWhatIsSetUntilRunsAreKnownToBeShort() {
    assertThat(length.records()).isEqualTo(32);
    run(1, 32, 5);
    assertThat(length.records()).as("one run may be chance").isEqualTo(32);
  }

  @Test
  void growsToAMillisecondAndShrinksAgain() {
    run(300, 32, 5);
    assertThat(length.records()).isBetween(199, 201);
    run(300, 200, 10);
    assertThat(length.records()).isBetween(99, 101);
    run(300, 100, 400);
    assertThat(length.records()).isEqualTo(32);
  }

  @Test
  void tellsHowManyAreDoneInASecondBySoManyThreads() {
    assertThat(length.inASecond(2)).as("not known yet").isEqualTo(200);
    run(300, 32, 500);
    assertThat(length.inASecond(2)).isBetween(3_990, 4_010);
    run(300, 1, 5_000_000);
    assertThat(length.inASecond(2)).isEqualTo(1);
  }

  @Test
  void standsARunThatWasHeldUp() {
    run(300, 32, 5);
    run(1, 32, 100);
    assertThat(length.records()).isBetween(90, 200);
  }
}
