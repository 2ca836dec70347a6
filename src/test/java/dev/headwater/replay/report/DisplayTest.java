package dev.headwater.replay.report;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class DisplayTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, false, UTF_8);
  private final Tally tally = new Tally(Map.of("task", Collections.nCopies(120, "a")), () -> 0);

  @Test
  void redrawsOneFrameInPlaceOnATerminal() {
    Display display = new Display(out, new Style(true, true, 120));
    display.show(tally.progress());
    int first = text().split("\n").length;
    bytes.reset();

    display.show(tally.progress());

    assertThat(text()).startsWith("\033[" + first + "A\r\033[J");
    assertThat(text().split("\n")).hasSize(first);
  }

  @Test
  void drawsBothCurvesAsFarAsTheStreamHasCome() {
    for (int i = 0; i < 60; i++) {
      tally.predicted(i, TallyTest.prediction(i < 30 ? "a" : "b", 1, "b"), 12);
    }

    new Display(out, new Style(true, true, 120)).show(tally.progress());

    assertThat(text())
        .contains("adaptive " + "█".repeat(15) + "▁".repeat(15) + " ".repeat(30) + " 0.500")
        .contains("frozen   " + "▁".repeat(30) + " ".repeat(30) + " 0.000");
  }

  @Test
  void drawsInAsciiWhereThereAreNoBlocks() {
    tally.predicted(0, TallyTest.prediction("a", 1, null), 12);

    new Display(out, new Style(true, false, 120)).show(tally.progress());

    assertThat(text().chars()).as("ASCII and control characters only").allMatch(c -> c < 128);
    assertThat(text()).contains("adaptive # ");
  }

  @Test
  void showsVerdictsAndSwapsAsTheyHappenLineByLine() {
    Display display = new Display(out, new Style(false, false, 80));
    display.show(tally.progress());
    tally.judged(TallyTest.info(1, true));
    tally.judged(TallyTest.info(2, false));
    display.show(tally.progress());
    display.show(tally.progress());
    tally.predicted(0, TallyTest.prediction("a", 1, null), 12);
    display.show(tally.progress());
    display.show(tally.progress());

    assertThat(text().lines())
        .containsExactly(
            "head 1 accepted: why [trigger samples, cpu, 33 samples]",
            "head 2 rejected: why [trigger samples, cpu, 33 samples]",
            "head 1 is live from record 0");
  }

  @Test
  void printsAtMostTwentyLinesOfProgress() {
    Display display = new Display(out, new Style(false, false, 80));
    for (int i = 0; i < 120; i++) {
      tally.predicted(i, TallyTest.prediction("a", 1, "a"), 12);
      display.show(tally.progress());
    }

    assertThat(text().lines()).hasSize(20).last().asString().startsWith("120 of 120 records");
    assertThat(text()).doesNotContain("\033");
  }

  @Test
  void keepsLinesWithinTheWidthOfTheTerminal() {
    for (int v = 1; v <= 20; v++) {
      tally.judged(TallyTest.info(v, true));
    }
    Display display = new Display(out, new Style(true, true, 40));

    display.show(tally.progress());

    assertThat(text().replace("\r\033[J", "").lines())
        .as("a line that wraps would break the redrawing")
        .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(40));
    assertThat(text()).contains("head 20 ").doesNotContain("head 12 ");
  }

  @Test
  void sumsUpWithEveryFigureOfTheReport() {
    tally.predicted(0, TallyTest.prediction("a", 1, "b"), 12);
    tally.judged(TallyTest.info(1, true));
    tally.judged(TallyTest.info(2, false));
    tally.delivered("task", "x");

    new Display(out, new Style(false, false, 80))
        .summary(tally.report(Map.of("task", "head.onnx")));

    assertThat(text())
        .contains("120 records at", "1 predictions, 0 dead letters, 0 duplicates")
        .contains("adaptive  1.000")
        .contains("frozen    0.000")
        .contains("0.8 % of records", "12 ms median, 12 ms p99")
        .contains("2 evaluated, 1 accepted, 1 rejected")
        .contains("head.onnx");
  }

  @Test
  void sumsUpEachTaskByWhatItsAnswersAreWorth() {
    ReplayReport one = tally.report(Map.of("task", "head.onnx"));
    ReplayReport.Task mask = task(one.accuracy(), all(.25), null, null);
    ReplayReport.Task number = task(one.accuracy(), null, all(.5), all(.75));
    Map<String, ReplayReport.Task> tasks = new LinkedHashMap<>();
    tasks.put("mask", mask);
    tasks.put("number", number);

    assertThat(new Frame(new Style(false, false, 80)).summary(of(one, tasks)))
        .containsSubsequence(
            "accuracy  overall   by tenths of the stream  mask",
            "iou       overall   by tenths of the stream  mask",
            "adaptive  0.250     " + "0.250 ".repeat(10).strip(),
            "rmse      overall   by tenths of the stream  number",
            "frozen    0.500     " + "0.500 ".repeat(10).strip(),
            "coverage  overall   by tenths of the stream  number",
            "adaptive  0.750     " + "0.750 ".repeat(10).strip(),
            "heads     0 evaluated, 0 accepted, 0 rejected  mask",
            "final     a head.onnx")
        .doesNotContain("accuracy  overall   by tenths of the stream  number");
  }

  private static ReplayReport.Comparison all(double value) {
    ReplayReport.Accuracy same = new ReplayReport.Accuracy(value, Collections.nCopies(10, value));
    return new ReplayReport.Comparison(same, same);
  }

  private static ReplayReport.Task task(
      ReplayReport.Comparison accuracy,
      ReplayReport.@Nullable Comparison iou,
      ReplayReport.@Nullable Comparison rmse,
      ReplayReport.@Nullable Comparison coverage) {
    return new ReplayReport.Task(accuracy, iou, rmse, coverage, null, 0, List.of(), "a head.onnx");
  }

  private static ReplayReport of(ReplayReport one, Map<String, ReplayReport.Task> tasks) {
    return new ReplayReport(
        one.records(),
        one.predictions(),
        one.deadLetters(),
        one.duplicates(),
        one.samples(),
        one.labelsUsedFraction(),
        one.accuracy(),
        one.iou(),
        one.rmse(),
        one.coverage(),
        one.byDomain(),
        one.versions(),
        one.throughput(),
        one.latency(),
        one.finalHead(),
        tasks);
  }

  @Test
  void readsTheConventionsOfTerminals() {
    Map<String, String> xterm = Map.of("TERM", "xterm", "LANG", "en_GB.UTF-8", "COLUMNS", "132");

    assertThat(Style.of(xterm, true)).isEqualTo(new Style(true, true, 132));
    assertThat(Style.of(xterm, false).live()).as("not a terminal").isFalse();
    assertThat(Style.of(Map.of("TERM", "xterm", "NO_COLOR", "1"), true).live()).isFalse();
    assertThat(Style.of(Map.of("TERM", "dumb"), true).live()).isFalse();
    assertThat(Style.of(Map.of(), true).live()).as("no TERM").isFalse();
    assertThat(Style.of(Map.of("LC_ALL", "C", "LANG", "en_GB.UTF-8"), true).blocks())
        .as("LC_ALL overrules LANG")
        .isFalse();
    assertThat(
            List.of("", "0", "-5", "wide", "7").stream()
                .map(columns -> Style.of(Map.of("COLUMNS", columns), true).width()))
        .containsExactly(100, 100, 100, 100, 40);
  }

  private String text() {
    out.flush();
    return bytes.toString(UTF_8);
  }
}
