package dev.headwater.heads;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class HeadSettingsTest {

  @Test
  void defaultsToTenHeadsInChunksBelowKafkasDefaultLimit() {
    assertThat(HeadSettings.DEFAULT.keep()).isEqualTo(10);
    assertThat(HeadSettings.DEFAULT.chunkBytes()).isBetween(1_000_000, (1 << 20) - 1000);
  }

  @Test
  void refusesToKeepNothingAndToCutIntoNothing() {
    assertThatThrownBy(() -> new HeadSettings(0, 1000)).hasMessageContaining("at least 1, got 0");
    assertThatThrownBy(() -> new HeadSettings(1, 0)).hasMessageContaining("got 0");
  }
}
