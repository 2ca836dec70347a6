package dev.headwater.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReplaySettingsTest {

  @ParameterizedTest
  @ValueSource(doubles = {0, -1, Double.NaN, Double.POSITIVE_INFINITY, 2e6})
  void refusesARateThatIsNone(double rate) {
    assertThatThrownBy(() -> settings(List.of("label"), rate, "0s", "1m"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("replay.rate")
        .hasMessageContaining(String.valueOf(rate));
  }

  @Test
  void refusesToGuessTheLabelsField() {
    assertThatThrownBy(() -> settings(List.of(), 100, "0s", "1m"))
        .hasMessageContaining("replay.truth-fields");
  }

  @Test
  void refusesTimesThatAreNone() {
    assertThatThrownBy(() -> settings(List.of("label"), 100, "-1s", "1m"))
        .hasMessageContaining("replay.label-delay");
    assertThatThrownBy(() -> settings(List.of("label"), 100, "0s", "0s"))
        .hasMessageContaining("replay.stall-timeout");
  }

  @Test
  void exportsTheHeadBesideTheReportElseIntoTheDump() {
    Optional<Path> report = Optional.of(Path.of("out/clinc.json"));
    Optional<Path> dump = Optional.of(Path.of("dump"));

    assertThat(written(report, dump).finalHead("")).contains(Path.of("out/clinc-head.onnx"));
    assertThat(written(Optional.of(Path.of("clinc")), dump).finalHead(""))
        .contains(Path.of("clinc-head.onnx"));
    assertThat(written(Optional.empty(), dump).finalHead("")).contains(Path.of("dump/head.onnx"));
    assertThat(written(Optional.empty(), Optional.empty()).finalHead("")).isEmpty();
  }

  private static ReplaySettings written(Optional<Path> report, Optional<Path> dump) {
    return new ReplaySettings(
        Optional.empty(),
        List.of("label"),
        Map.of(),
        Optional.empty(),
        100,
        Duration.ZERO,
        true,
        Optional.empty(),
        report,
        dump,
        Duration.ofMinutes(1));
  }

  private static ReplaySettings settings(
      List<String> truthFields, double rate, String delay, String stall) {
    return new ReplaySettings(
        Optional.empty(),
        truthFields,
        Map.of(),
        Optional.empty(),
        rate,
        Duration.parse("PT" + delay),
        true,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        Duration.parse("PT" + stall));
  }
}
