package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.bundle.Kind;
import dev.headwater.schema.Reason;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What {@code adapt.balance} does to nine samples of one label and one of another. */
class BalanceTest {

  @ParameterizedTest
  @CsvSource({"0, 1, 1", "0.5, 0.83333, 2.5", "1, 0.55556, 5"})
  void aSampleOfALabelSeenNTimesCountsNToTheMinusBalance(
      double balance, double common, double rare) {
    List<Remembered> samples = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      String label = i == 3 ? "rare" : "common";
      float[] features = {i};
      samples.add(new Remembered("r" + i, features, label, 1, Reason.UNSURE, 0, i, null, null));
    }

    Batch batch =
        Supervision.of(new Kind.OneLabel()).batch(samples, List.of("common", "rare"), balance);

    double[] weights = batch.weights();
    for (int i = 0; i < weights.length; i++) {
      assertThat(weights[i]).as("sample %d", i).isCloseTo(i == 3 ? rare : common, within(1e-4));
      assertThat(batch.classes()[i]).isEqualTo(i == 3 ? 1 : 0);
    }
  }
}
