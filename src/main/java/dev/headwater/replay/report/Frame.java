package dev.headwater.replay.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Progress and report as lines of text. */
final class Frame {
  private static final String BLOCKS = "▁▂▃▄▅▆▇█";
  private static final String ASCII = "_.,-=+*#";
  private static final int VERSIONS = 8;
  private static final int MILLIS = 1000;

  private final Style style;

  Frame(Style style) {
    this.style = style;
  }

  /** The live view: what is going on, both curves, and the latest verdicts. */
  List<String> live(Progress now) {
    List<String> lines = new ArrayList<>();
    lines.add(
        text(
            "%,d of %,d records   %.0f/s   head %s   confidence %.2f",
            now.outcomes(), now.records(), now.recordsPerSecond(), head(now), now.confidence()));
    lines.add("adaptive " + curve(now.adaptiveCurve()) + " " + share(now.adaptive()));
    lines.add("frozen   " + curve(now.frozenCurve()) + " " + share(now.frozen()));
    lines.add(
        text(
            "labels %,d (%.1f %%)   samples: %,d unsure, %,d audit   dead letters %,d   duplicates"
                + " %,d",
            now.labelled(),
            100.0 * now.labelled() / now.records(),
            now.unsure(),
            now.audit(),
            now.deadLetters(),
            now.duplicates()));
    List<ReplayReport.Version> versions = now.versions();
    for (ReplayReport.Version v :
        versions.subList(Math.max(0, versions.size() - VERSIONS), versions.size())) {
      lines.add((now.served().contains(v.version()) ? swap(v) + ", " : "") + verdict(v));
    }
    return lines.stream().map(this::cut).toList();
  }

  /** One line of progress. */
  String line(Progress now) {
    return text(
        "%,d of %,d records  %.0f/s  head %s  adaptive %s  frozen %s  confidence %.2f  labels %,d"
            + "  dead letters %,d",
        now.outcomes(),
        now.records(),
        now.recordsPerSecond(),
        head(now),
        share(now.adaptive()),
        share(now.frozen()),
        now.confidence(),
        now.labelled(),
        now.deadLetters());
  }

  /** What the gate said of a candidate. */
  String verdict(ReplayReport.Version v) {
    return text(
        "head %d %s (%s, %s, judged on %,d): %s",
        v.version(), v.verdict(), v.trigger(), v.device(), v.judged(), v.reason());
  }

  /** Where a candidate took over. */
  String swap(ReplayReport.Version v) {
    return text("head %d serves from record %,d", v.version(), v.atRecord());
  }

  /** The closing summary. */
  List<String> summary(ReplayReport report) {
    List<String> lines = new ArrayList<>();
    lines.add(
        text(
            "%,d records at %.0f/s: %,d predictions, %,d dead letters, %,d duplicates",
            report.records(),
            report.throughput().recordsPerSecond(),
            report.predictions(),
            report.deadLetters(),
            report.duplicates()));
    report
        .tasks()
        .forEach(
            (name, task) ->
                measures(task)
                    .forEach(
                        (measure, of) -> {
                          lines.add(
                              text("%-9s overall   by tenths of the stream", measure)
                                  + owner(report, name));
                          lines.add("adaptive  " + along(of.adaptive()));
                          lines.add("frozen    " + along(of.frozen()));
                        }));
    lines.add(
        text(
            "labels    %.1f %% of the records; samples: %,d unsure, %,d audit",
            100 * report.labelsUsedFraction(),
            report.samples().unsure(),
            report.samples().audit()));
    report.tasks().forEach((name, task) -> lines.add(heads(task) + owner(report, name)));
    ReplayReport.Latency latency = report.latency();
    if (latency != null) {
      lines.add(
          text(
              "latency   %.0f ms median, %.0f ms p99, from a record's timestamp to its prediction's"
                  + " being read",
              MILLIS * latency.p50(), MILLIS * latency.p99()));
    }
    for (ReplayReport.Task task : report.tasks().values()) {
      if (task.finalHead() != null) {
        lines.add("final     " + task.finalHead());
      }
    }
    return lines;
  }

  /** What tells how good a task's heads are: not all kinds of answers are right or wrong. */
  private static Map<String, ReplayReport.Comparison> measures(ReplayReport.Task task) {
    Map<String, ReplayReport.Comparison> measures = new LinkedHashMap<>();
    if (task.rmse() == null) {
      measures.put("accuracy", task.accuracy());
    }
    putIfTold(measures, "iou", task.iou());
    putIfTold(measures, "rmse", task.rmse());
    putIfTold(measures, "coverage", task.coverage());
    return measures;
  }

  private static void putIfTold(
      Map<String, ReplayReport.Comparison> measures,
      String name,
      ReplayReport.@Nullable Comparison of) {
    if (of != null) {
      measures.put(name, of);
    }
  }

  private static String heads(ReplayReport.Task task) {
    int judged = task.versions().size();
    long accepted = task.versions().stream().filter(v -> v.verdict().equals("accepted")).count();
    return text(
        "heads     %,d judged, %,d accepted, %,d refused", judged, accepted, judged - accepted);
  }

  /** Whose line it is, where there are several tasks. */
  private static String owner(ReplayReport report, String task) {
    return report.tasks().size() > 1 ? "  " + task : "";
  }

  private static String head(Progress now) {
    return now.headVersion() == null ? "-" : now.headVersion().toString();
  }

  private String curve(List<@Nullable Double> shares) {
    String steps = style.blocks() ? BLOCKS : ASCII;
    return shares.stream().map(s -> s == null ? " " : step(steps, s)).collect(Collectors.joining());
  }

  private static String step(String steps, double share) {
    int i = Math.min(steps.length() - 1, (int) (share * steps.length()));
    return steps.substring(i, i + 1);
  }

  private static String along(ReplayReport.Accuracy measure) {
    return text("%-7s   ", share(measure.overall()))
        + measure.segments().stream().map(Frame::share).collect(Collectors.joining(" "));
  }

  private static String share(@Nullable Double share) {
    return share == null ? "-" : text("%.3f", share);
  }

  private String cut(String line) {
    return line.length() <= style.width()
        ? line
        : line.substring(0, style.width() - 1) + (style.blocks() ? "…" : ">");
  }

  private static String text(String format, @Nullable Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
