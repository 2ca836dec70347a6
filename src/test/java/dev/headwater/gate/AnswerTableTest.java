package dev.headwater.gate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class AnswerTableTest {
  private static final List<Trial> TRIALS =
      List.of(
          new Trial("fraud", "ok", "fraud", 1),
          new Trial("ok", null, "fraud", 2),
          new Trial("ok", "ok", "ok", 5));

  private final AtomicInteger asked = new AtomicInteger();
  private final AnswerTable table = AnswerTable.scoredByCost(TRIALS, this::cost);

  private double cost(String truth, String answer) {
    asked.incrementAndGet();
    return truth.equals(answer) ? 0 : truth.equals("fraud") ? 50 : 1;
  }

  @Test
  void whatTheCandidateSavesIsItsAnswersAgainstTheLiveHeads() {
    assertThat(table.gain()).as("a fraud found").isCloseTo(50 / 8.0, within(1e-12));
    assertThat(table.bareGain()).isCloseTo(50 / 3.0, within(1e-12));
    assertThat(table.differing()).isEqualTo(2);
  }

  @Test
  void costsAreAskedForOnceHoweverOftenAnswersChangeSides() {
    Random coin = new Random(1);
    for (int round = 0; round < 100; round++) {
      table.shuffle(coin);

      assertThat(Math.abs(table.gain())).as("either way").isCloseTo(50 / 8.0, within(1e-12));
    }

    assertThat(asked).hasValue(2 * TRIALS.size());
  }
}
