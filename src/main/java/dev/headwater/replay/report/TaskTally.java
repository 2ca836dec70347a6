package dev.headwater.replay.report;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.Masks;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Label;
import dev.headwater.schema.Scored;
import dev.headwater.schema.TaskPrediction;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What came out for one task, against its truths. Not thread-safe. */
final class TaskTally {
  private final List<@Nullable String> truths;
  private final Set<String> delivered = new HashSet<>();
  private final SortedMap<Long, Judged> judged = new TreeMap<>();
  private final SortedMap<Long, Integer> firstUnder = new TreeMap<>();
  private final Contest contest;
  private final SortedMap<String, Contest> byDomain = new TreeMap<>();
  private final List<@Nullable String> domains;
  private final Kind kind;
  private final @Nullable Masks masks;
  private final Function<String, @Nullable String> now;

  private record Judged(HeadInfo info, int outcomes) {}

  /**
   * @param truths of every record, null where it is not known
   * @param domains likewise, what its record is one of; empty where nothing tells
   * @param kind of the truths
   * @param masks how to read those of a dense task
   * @param now what a label is called in the truths; null where in none
   */
  TaskTally(
      List<@Nullable String> truths,
      List<@Nullable String> domains,
      Kind kind,
      @Nullable Masks masks,
      Function<String, @Nullable String> now) {
    this.now = now;
    this.truths = truths;
    this.domains = domains;
    this.kind = kind;
    this.masks = masks;
    this.contest = new Contest(truths.size(), kind);
  }

  /** Once a record. */
  void predicted(int index, TaskPrediction prediction) {
    if (prediction.made()) {
      firstUnder.merge(prediction.headVersion(), index, Math::min);
    }
    String truth = truths.get(index);
    if (truth != null) {
      String domain = domains.isEmpty() ? null : domains.get(index);
      if (domain != null) {
        judge(
            byDomain.computeIfAbsent(domain, d -> new Contest(truths.size(), kind)),
            index,
            truth,
            prediction);
      }
      judge(contest, index, truth, prediction);
    }
  }

  private void judge(Contest on, int index, String truth, TaskPrediction prediction) {
    if (masks == null) {
      if (kind instanceof Kind.Quantity) {
        if (kind.problem(truth) == null) { // else it cannot be learned, and is a dead letter
          on.estimate(index, truth, prediction.estimate(), prediction.frozenEstimate());
        }
        return;
      }
      Scored other = prediction.frozen();
      List<String> set = prediction.labels();
      String said = set == null ? prediction.label() : Label.text(set);
      on.label(
          index,
          said != null && truth.equals(now.apply(said)),
          other == null ? null : truth.equals(now.apply(other.label())));
      return;
    }
    byte[] pixels = truth(masks, truth);
    if (pixels == null) {
      return;
    }
    Overlap none = Overlap.none(pixels);
    Overlap now =
        prediction.mask() == null ? none : Overlap.of(pixels, pixels(masks, prediction.mask()));
    on.mask(
        index,
        now,
        prediction.frozenMask() == null
            ? null
            : Overlap.of(pixels, pixels(masks, prediction.frozenMask())),
        none);
  }

  /** Null where it is no mask: it cannot be learned either, and its label is a dead letter. */
  private static byte @Nullable [] truth(Masks masks, String truth) {
    try {
      return masks.decode(truth, "mask", null);
    } catch (InvalidRecordException e) {
      return null;
    }
  }

  private static byte[] pixels(Masks masks, String mask) {
    try {
      return masks.decode(mask, "mask", null);
    } catch (InvalidRecordException e) {
      throw new IllegalStateException("a predicted mask " + e.getMessage(), e);
    }
  }

  void delivered(String recordId) {
    delivered.add(recordId);
  }

  Set<String> delivered() {
    return delivered;
  }

  /**
   * @param outcomes how many records had one when its verdict came
   */
  void judged(HeadInfo candidate, int outcomes) {
    judged.putIfAbsent(candidate.version(), new Judged(candidate, outcomes));
  }

  Hits adaptive() {
    return contest.adaptive();
  }

  Hits frozen() {
    return contest.frozen();
  }

  /** The versions that have made a prediction. */
  List<Long> served() {
    return List.copyOf(firstUnder.keySet());
  }

  List<ReplayReport.Version> versions() {
    return judged.values().stream().map(this::version).toList();
  }

  /**
   * @param finalHead where the last live head was exported, null where it was not
   */
  ReplayReport.Task report(@Nullable String finalHead) {
    return new ReplayReport.Task(
        contest.accuracy(),
        contest.iou(),
        contest.rmse(),
        contest.coverage(),
        domains(),
        (double) delivered.size() / truths.size(),
        versions(),
        finalHead);
  }

  private @Nullable Map<String, ReplayReport.Domain> domains() {
    if (byDomain.isEmpty()) {
      return null;
    }
    Map<String, ReplayReport.Domain> reports = new LinkedHashMap<>();
    byDomain.forEach(
        (name, on) ->
            reports.put(
                name, new ReplayReport.Domain(on.accuracy(), on.iou(), on.rmse(), on.coverage())));
    return reports;
  }

  private ReplayReport.Version version(Judged candidate) {
    HeadInfo info = candidate.info();
    return new ReplayReport.Version(
        info.version(),
        firstUnder.getOrDefault(info.version(), candidate.outcomes()),
        info.trigger(),
        info.device(),
        info.verdict().accepted() ? "accepted" : "refused",
        info.verdict().reason(),
        info.verdict().judged());
  }
}
