package dev.headwater.adapt.drift;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class DriftSettingsTest {
  @Test
  void hasTheDefaultsThatWereChosenByReplay() {
    assertThat(DriftSettings.DEFAULT).isEqualTo(new DriftSettings(150_000, 256, 10, 40));
  }

  @Test
  void refusesWhatCannotWork() {
    refuses(99, 256, 10, 40, "false alarm");
    refuses(20_000, 19, 10, 40, "reference");
    refuses(20_000, 2_001, 10, 40, "reference");
    refuses(20_000, 256, 3, 40, "short drift window");
    refuses(20_000, 256, 10, 10, "must exceed the short");
    refuses(20_000, 256, 10, 501, "long drift window");
  }

  private static void refuses(int falseAlarm, int reference, int small, int large, String why) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new DriftSettings(falseAlarm, reference, small, large))
        .withMessageContaining(why);
  }
}
