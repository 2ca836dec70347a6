package dev.headwater.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class TimeSeriesTest {
  private final TimeSeries series = new TimeSeries(8);

  @Test
  void keepsTheBeginningAndThinsWhatIsOld() {
    for (int time = 0; time < 1000; time++) {
      series.add(time, Map.of("a", (double) time));
      assertThat(series.times()).hasSizeLessThanOrEqualTo(8);
    }

    assertThat(series.times()).startsWith(0L).endsWith(998L, 999L).isSorted();
    assertThat(series.series().get("a"))
        .containsExactlyElementsOf(series.times().stream().map(Long::doubleValue).toList());
  }

  @Test
  void whatWasNotMeasuredIsAGap() {
    series.add(1, Map.of("a", 1.0));
    series.add(2, Map.of("a", Double.NaN, "b", 2.0));
    series.add(3, Map.of("b", 3.0));

    assertThat(series.series().get("a")).containsExactly(1.0, null, null);
    assertThat(series.series().get("b")).containsExactly(null, 2.0, 3.0);
  }
}
