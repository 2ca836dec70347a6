package dev.headwater.replay.report;

import dev.headwater.schema.Verdict;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Formats progress and report as lines of text. */
final class Frame {
  private static final String BLOCKS = "▁▂▃▄▅▆▇█";
  private static final String ASCII = "_.,-=+*#";
  private static final int VERSIONS = 8;
  private static final int MILLIS = 1000;

  private final Style style;

  Frame(Style style) {
    this.style = style;
  }

  /** Returns the live view: progress, accuracy curves and latest verdicts. */
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
            "labels %,d (%.1f %%)   samples: %,d low-confidence, %,d audit   dead letters %,d  "
                + " duplicates %,d",
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
    return lines.stream().map(this::truncate).toList();
  }

  /** Returns one line of progress. */
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

  /** Returns the verdict of the gate on a candidate. */
  String verdict(ReplayReport.Version v) {
    return text(
        "head %d %s [trigger %s, %s, %,d samples]",
        v.version(),
        Verdict.describe(isAccepted(v), v.reason()),
        v.trigger(),
        v.device(),
        v.judged());
  }

  /** Returns when a candidate became the live head. */
  String swap(ReplayReport.Version v) {
    return text("head %d is live from record %,d", v.version(), v.atRecord());
  }

  /** Returns the final summary. */
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
                                  + taskSuffix(report, name));
                          lines.add("adaptive  " + perSegment(of.adaptive()));
                          lines.add("frozen    " + perSegment(of.frozen()));
                        }));
    lines.add(
        text(
            "labels    %.1f %% of records; samples: %,d low-confidence, %,d audit",
            100 * report.labelsUsedFraction(),
            report.samples().unsure(),
            report.samples().audit()));
    report.tasks().forEach((name, task) -> lines.add(heads(task) + taskSuffix(report, name)));
    ReplayReport.Latency latency = report.latency();
    if (latency != null) {
      lines.add(
          text(
              "latency   %.0f ms median, %.0f ms p99, from record timestamp to consumed prediction",
              MILLIS * latency.p50(), MILLIS * latency.p99()));
    }
    for (ReplayReport.Task task : report.tasks().values()) {
      if (task.finalHead() != null) {
        lines.add("final     " + task.finalHead());
      }
    }
    return lines;
  }

  /** Returns the metrics of a task, which depend on its output type. */
  private static Map<String, ReplayReport.Comparison> measures(ReplayReport.Task task) {
    Map<String, ReplayReport.Comparison> measures = new LinkedHashMap<>();
    if (task.rmse() == null) {
      measures.put("accuracy", task.accuracy());
    }
    putIfPresent(measures, "iou", task.iou());
    putIfPresent(measures, "rmse", task.rmse());
    putIfPresent(measures, "coverage", task.coverage());
    return measures;
  }

  private static void putIfPresent(
      Map<String, ReplayReport.Comparison> measures,
      String name,
      ReplayReport.@Nullable Comparison of) {
    if (of != null) {
      measures.put(name, of);
    }
  }

  private static String heads(ReplayReport.Task task) {
    int evaluated = task.versions().size();
    long accepted = task.versions().stream().filter(Frame::isAccepted).count();
    return text(
        "heads     %,d evaluated, %,d accepted, %,d rejected",
        evaluated, accepted, evaluated - accepted);
  }

  private static boolean isAccepted(ReplayReport.Version v) {
    return v.verdict().equals("accepted");
  }

  /** Returns the task name as a suffix, if there are several tasks. */
  private static String taskSuffix(ReplayReport report, String task) {
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

  private static String perSegment(ReplayReport.Accuracy measure) {
    return text("%-7s   ", share(measure.overall()))
        + measure.segments().stream().map(Frame::share).collect(Collectors.joining(" "));
  }

  private static String share(@Nullable Double share) {
    return share == null ? "-" : text("%.3f", share);
  }

  private String truncate(String line) {
    return line.length() <= style.width()
        ? line
        : line.substring(0, style.width() - 1) + (style.blocks() ? "…" : ">");
  }

  private static String text(String format, @Nullable Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
