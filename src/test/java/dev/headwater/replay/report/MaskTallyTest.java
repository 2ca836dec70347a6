package dev.headwater.replay.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Masks;
import dev.headwater.schema.Json;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Source;
import dev.headwater.schema.TaskPrediction;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MaskTallyTest {
  @TempDir Path directory;

  @SuppressWarnings("NullAway.Init") // before each test
  private Masks masks;

  @BeforeEach
  void readMasks() throws Exception {
    masks = Bundles.segments(directory, 1, 4, 1).task().masks().orElseThrow();
  }

  @Test
  void pixelsAreSummedBeforeAnythingIsDivided() {
    Tally tally = tally(List.of("far", "near"), "0011", "0111");

    tally.predicted(0, prediction("0001", "1111"), 12);
    tally.predicted(1, prediction("0111", "0000"), 12);

    ReplayReport report = tally.report(Map.of());
    assertThat(report.accuracy().adaptive().overall()).isCloseTo(7 / 8.0, within(1e-9));
    assertThat(report.accuracy().frozen().overall()).isCloseTo(3 / 8.0, within(1e-9));
    assertThat(report.iou().adaptive().overall()).isCloseTo(4 / 5.0, within(1e-9));
    assertThat(report.iou().frozen().overall()).isCloseTo(2 / 7.0, within(1e-9));
    assertThat(report.byDomain().get("far").iou().adaptive().overall()).isEqualTo(.5);
    assertThat(report.byDomain().get("near").iou().adaptive().overall()).isEqualTo(1);
    assertThat(report.byDomain().get("near").accuracy().frozen().overall()).isEqualTo(.25);
  }

  @Test
  void aTruthThatIsNoMaskTellsNothing() {
    Map<String, List<@Nullable String>> truths =
        Map.of("task", java.util.Arrays.asList("no mask", mask("0011")));
    Tally tally =
        new Tally(
            truths, List.of(), Map.of(), Map.of("task", masks), (task, label) -> label, () -> 0);

    tally.predicted(0, prediction("1111", null), 12);
    tally.predicted(1, prediction("0011", null), 12);

    assertThat(tally.report(Map.of()).iou().adaptive().overall()).isEqualTo(1);
  }

  @Test
  void aRecordWithoutAMaskIsWrongAboutAllOfIt() {
    Tally tally = tally(List.of(), "0011");

    tally.predicted(0, prediction(null, null), 12);

    JsonNode json = Json.MAPPER.valueToTree(tally.report(Map.of()));
    assertThat(json.at("/iou/adaptive/overall").asDouble()).isZero();
    assertThat(json.at("/accuracy/adaptive/overall").asDouble()).isZero();
    assertThat(json.at("/iou/frozen/overall").isNull()).as("it was not asked").isTrue();
    assertThat(json.has("byDomain")).isFalse();
  }

  @Test
  void bothHeadsAreJudgedOnTheRecordsBeforeTheFirst() {
    Tally tally = tally(List.of(), "0011", "0011");

    tally.predicted(0, prediction(null, null), 12);
    tally.predicted(1, prediction("0011", "0011"), 12);

    ReplayReport report = tally.report(Map.of());
    assertThat(report.accuracy().frozen()).isEqualTo(report.accuracy().adaptive());
    assertThat(report.iou().frozen()).isEqualTo(report.iou().adaptive());
    assertThat(report.iou().frozen().overall()).isEqualTo(.5);
  }

  private Tally tally(List<@Nullable String> domains, String... truths) {
    List<@Nullable String> encoded = java.util.Arrays.stream(truths).map(this::mask).toList();
    return new Tally(
        Map.of("task", encoded),
        domains,
        Map.of(),
        Map.of("task", masks),
        (task, label) -> label,
        () -> 0);
  }

  private Prediction prediction(@Nullable String mask, @Nullable String frozen) {
    return new Prediction(
        "id",
        new TaskPrediction(
            "task",
            0,
            1,
            mask == null ? null : mask(mask),
            null,
            null,
            frozen == null ? null : mask(frozen)),
        new Source("records", 0, 0),
        null);
  }

  private String mask(String classes) {
    byte[] pixels = new byte[classes.length()];
    for (int i = 0; i < pixels.length; i++) {
      pixels[i] = (byte) (classes.charAt(i) - '0');
    }
    return masks.encode(pixels);
  }
}
