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

/** Evaluates the outputs of one task against its ground truth. Not thread-safe. */
final class TaskTally {
  private final List<@Nullable String> truths;
  private final Set<String> deliveredIds = new HashSet<>();
  private final SortedMap<Long, Evaluated> evaluated = new TreeMap<>();
  private final SortedMap<Long, Integer> firstRecordByVersion = new TreeMap<>();
  private final Contest contest;
  private final SortedMap<String, Contest> byDomain = new TreeMap<>();
  private final List<@Nullable String> domains;
  private final Kind kind;
  private final @Nullable Masks masks;
  private final Function<String, @Nullable String> currentLabel;

  private record Evaluated(HeadInfo info, int outcomes) {}

  /**
   * Creates a tally of one task.
   *
   * @param truths ground truth of every record, null if unknown
   * @param domains domain of every record, null if unknown; empty without a domain field
   * @param kind output type
   * @param masks mask codec of a dense task
   * @param currentLabel maps a label to its current name; null for a retired label
   */
  TaskTally(
      List<@Nullable String> truths,
      List<@Nullable String> domains,
      Kind kind,
      @Nullable Masks masks,
      Function<String, @Nullable String> currentLabel) {
    this.currentLabel = currentLabel;
    this.truths = truths;
    this.domains = domains;
    this.kind = kind;
    this.masks = masks;
    this.contest = new Contest(truths.size(), kind);
  }

  /** Evaluates a prediction; to be called once per record. */
  void predicted(int index, TaskPrediction prediction) {
    if (prediction.made()) {
      firstRecordByVersion.merge(prediction.headVersion(), index, Math::min);
    }
    String truth = truths.get(index);
    if (truth != null) {
      String domain = domains.isEmpty() ? null : domains.get(index);
      if (domain != null) {
        evaluate(
            byDomain.computeIfAbsent(domain, d -> new Contest(truths.size(), kind)),
            index,
            truth,
            prediction);
      }
      evaluate(contest, index, truth, prediction);
    }
  }

  private void evaluate(Contest comparison, int index, String truth, TaskPrediction prediction) {
    if (masks == null) {
      if (kind instanceof Kind.Quantity) {
        if (kind.problem(truth) == null) { // otherwise its label is a dead letter
          comparison.estimate(index, truth, prediction.estimate(), prediction.frozenEstimate());
        }
        return;
      }
      Scored other = prediction.frozen();
      List<String> set = prediction.labels();
      String predicted = set == null ? prediction.label() : Label.text(set);
      comparison.label(
          index,
          predicted != null && truth.equals(currentLabel.apply(predicted)),
          other == null ? null : truth.equals(currentLabel.apply(other.label())));
      return;
    }
    byte[] pixels = truth(masks, truth);
    if (pixels == null) {
      return;
    }
    Overlap none = Overlap.none(pixels);
    Overlap adaptive =
        prediction.mask() == null ? none : Overlap.of(pixels, pixels(masks, prediction.mask()));
    comparison.mask(
        index,
        adaptive,
        prediction.frozenMask() == null
            ? null
            : Overlap.of(pixels, pixels(masks, prediction.frozenMask())),
        none);
  }

  /** Decodes the true mask; null if it is invalid, in which case its label is a dead letter. */
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
      throw new IllegalStateException("invalid predicted mask: " + e.getMessage(), e);
    }
  }

  void recordDelivery(String recordId) {
    deliveredIds.add(recordId);
  }

  Set<String> deliveredIds() {
    return deliveredIds;
  }

  /**
   * Records a verdict.
   *
   * @param outcomes number of records with an outcome at the time of the verdict
   */
  void judged(HeadInfo candidate, int outcomes) {
    evaluated.putIfAbsent(candidate.version(), new Evaluated(candidate, outcomes));
  }

  Hits adaptive() {
    return contest.adaptive();
  }

  Hits frozen() {
    return contest.frozen();
  }

  /** Returns the versions that have made a prediction. */
  List<Long> served() {
    return List.copyOf(firstRecordByVersion.keySet());
  }

  List<ReplayReport.Version> versions() {
    return evaluated.values().stream().map(this::version).toList();
  }

  /**
   * Returns the results of the task.
   *
   * @param finalHead file of the exported final head; null without one
   */
  ReplayReport.Task report(@Nullable String finalHead) {
    return new ReplayReport.Task(
        contest.accuracy(),
        contest.iou(),
        contest.rmse(),
        contest.coverage(),
        domains(),
        (double) deliveredIds.size() / truths.size(),
        versions(),
        finalHead);
  }

  private @Nullable Map<String, ReplayReport.Domain> domains() {
    if (byDomain.isEmpty()) {
      return null;
    }
    Map<String, ReplayReport.Domain> reports = new LinkedHashMap<>();
    byDomain.forEach(
        (name, comparison) ->
            reports.put(
                name,
                new ReplayReport.Domain(
                    comparison.accuracy(),
                    comparison.iou(),
                    comparison.rmse(),
                    comparison.coverage())));
    return reports;
  }

  private ReplayReport.Version version(Evaluated candidate) {
    HeadInfo info = candidate.info();
    return new ReplayReport.Version(
        info.version(),
        firstRecordByVersion.getOrDefault(info.version(), candidate.outcomes()),
        info.trigger(),
        info.device(),
        info.verdict().accepted() ? "accepted" : "refused",
        info.verdict().reason(),
        info.verdict().judged());
  }
}
