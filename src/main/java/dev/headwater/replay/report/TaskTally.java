package dev.headwater.replay.report;

import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Scored;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** What came out for one task, against its truths. Not thread-safe. */
final class TaskTally {
  private final List<@Nullable String> truths;
  private final BitSet predicted = new BitSet();
  private final Set<String> delivered = new HashSet<>();
  private final SortedMap<Long, Judged> judged = new TreeMap<>();
  private final SortedMap<Long, Integer> firstUnder = new TreeMap<>();
  private final Hits adaptive;
  private final Hits frozen;
  private boolean compared;

  private record Judged(HeadInfo info, int outcomes) {}

  TaskTally(List<@Nullable String> truths) {
    this.truths = truths;
    this.adaptive = new Hits(truths.size());
    this.frozen = new Hits(truths.size());
  }

  /** False where the record has been predicted before: only the first counts. */
  boolean predicted(int index, Prediction prediction) {
    if (predicted.get(index)) {
      return false;
    }
    predicted.set(index);
    if (prediction.label() != null) {
      firstUnder.merge(prediction.headVersion(), index, Math::min);
    }
    Scored other = prediction.frozen();
    compared |= other != null;
    String truth = truths.get(index);
    if (truth != null) {
      adaptive.add(index, truth.equals(prediction.label()));
      frozen.add(index, other != null && truth.equals(other.label()));
    }
    return true;
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
    return adaptive;
  }

  /** Where nothing was compared, nothing: a frozen head that never spoke was not wrong. */
  Hits frozen() {
    return compared ? frozen : new Hits(truths.size());
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
        new ReplayReport.Comparison(adaptive.accuracy(), frozen().accuracy()),
        (double) delivered.size() / truths.size(),
        versions(),
        finalHead);
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
