package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

class ScoringSettingsTest {
  @Test
  void doesNotOversubscribeTheMachineByDefault() {
    ScoringSettings settings = ScoringSettings.defaults();

    assertThat(settings.threads() * settings.intraOpThreads())
        .isEqualTo(Runtime.getRuntime().availableProcessors());
    assertThat(settings.compareFrozen()).isFalse();
  }

  @Test
  void refusesWhatCannotRun() {
    assertThatIllegalArgumentException().isThrownBy(() -> new ScoringSettings(0, 1, 32, false));
    assertThatIllegalArgumentException().isThrownBy(() -> new ScoringSettings(1, 0, 32, false));
    assertThatIllegalArgumentException().isThrownBy(() -> new ScoringSettings(1, 1, 0, false));
    assertThatIllegalArgumentException().isThrownBy(() -> new ScoringSettings(1, 1, 5000, false));
  }
}
