package dev.headwater.adapt;

import dev.headwater.bundle.Kind;
import dev.headwater.gate.Gate;
import dev.headwater.gate.Trial;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Verdict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Compares the live head with its parent on samples that neither was trained on, and decides on
 * rollback. The state is rebuilt from the heads and samples topics after a restart, except for
 * samples that are no longer in the replay memory. Not thread-safe.
 */
final class Probation {
  /** Maximum number of evicted trials; only audit samples on which the heads differ count. */
  private static final int MAX_EVICTED = 100_000;

  private final Supervision supervision;
  private final Side head;
  private final Side parent;
  private final Gate gate;
  private final Optional<Dense> dense;
  private final Map<String, CachedTrial> trials = new HashMap<>();

  /** Trials of audit samples that the memory has evicted: the sequential test must keep them. */
  private final Map<String, Trial> evicted = new LinkedHashMap<>();

  /**
   * @param label of the sample at the time of the trial; it may be corrected later
   */
  private record CachedTrial(String label, boolean audit, Trial trial) {}

  /** A head in its trainable form, with its metadata. */
  private record Side(HeadInfo info, Fitter.Trained trained) {
    static Side of(Head head, Fitter fitter, Supervision supervision) {
      return new Side(head.info(), supervision.scaled(fitter.of(head)));
    }

    List<float[]> logits(List<Remembered> samples) {
      return trained.logits(samples.stream().map(Remembered::features).toList());
    }
  }

  /**
   * @param kind of the task's labels
   * @param dense where they are masks
   */
  Probation(Head head, Head parent, Fitter fitter, Gate gate, Kind kind, Optional<Dense> dense) {
    this.supervision = Supervision.of(kind).as(head.info());
    this.head = Side.of(head, fitter, supervision);
    this.parent = Side.of(parent, fitter, supervision);
    this.gate = gate;
    this.dense = dense;
  }

  /**
   * Returns the verdict that withdraws the head, including the numbers of its former verdict. Empty
   * while the head is not shown to be worse.
   *
   * @param unseen all samples that the head was not trained on
   */
  Optional<Verdict> verdict(List<Remembered> unseen) {
    evaluate(unseen);
    List<Trial> all = new ArrayList<>();
    List<Trial> audit = new ArrayList<>(evicted.values());
    for (Remembered sample : unseen) {
      Trial trial =
          Objects.requireNonNull(trials.get(sample.recordId()), "evaluated above").trial();
      all.add(trial);
      if (sample.reason() == Reason.AUDIT) {
        audit.add(trial);
      }
    }
    return gate.withdraws(audit, all, parent.info.version()).map(this::withFormerNumbers);
  }

  /** Scores each sample once, and again after a label correction. */
  private void evaluate(List<Remembered> unseen) {
    Set<String> present = unseen.stream().map(Remembered::recordId).collect(Collectors.toSet());
    trials
        .entrySet()
        .removeIf(
            entry ->
                !present.contains(entry.getKey()) && archive(entry.getKey(), entry.getValue()));
    List<Remembered> fresh =
        unseen.stream()
            .filter(
                sample -> {
                  CachedTrial known = trials.get(sample.recordId());
                  return known == null || !known.label().equals(sample.label());
                })
            .toList();
    List<float[]> after = head.logits(fresh);
    List<float[]> before = parent.logits(fresh);
    for (int i = 0; i < fresh.size(); i++) {
      Remembered sample = fresh.get(i);
      Trial trial = trial(sample, before.get(i), after.get(i));
      evicted.remove(sample.recordId()); // the record is back: it counts once
      trials.put(
          sample.recordId(),
          new CachedTrial(sample.label(), sample.reason() == Reason.AUDIT, trial));
    }
  }

  /** Erases a record. */
  void erase(String recordId) {
    trials.remove(recordId);
    evicted.remove(recordId);
  }

  /**
   * Keeps the trial of an evicted audit sample; always returns true. The sequential test stays
   * valid at any number of looks only if it keeps all trials.
   */
  private boolean archive(String recordId, CachedTrial cached) {
    Trial trial = cached.trial();
    boolean equal = trial.gain() == 0 && Objects.equals(trial.live(), trial.candidate());
    if (cached.audit() && !equal) {
      evicted.put(recordId, trial);
      if (evicted.size() > MAX_EVICTED) {
        evicted.remove(evicted.keySet().iterator().next());
      }
    }
    return true;
  }

  private Trial trial(Remembered sample, float[] before, float[] after) {
    return dense
        .map(masks -> masks.trial(sample, before, after, head.info.labels().size()))
        .orElseGet(
            () ->
                supervision.trial(
                    sample,
                    new Supervision.HeadOutput(parent.info.labels(), before),
                    new Supervision.HeadOutput(head.info.labels(), after)));
  }

  private Verdict withFormerNumbers(Verdict verdict) {
    Map<String, Double> numbers = new HashMap<>(head.info.verdict().numbers());
    numbers.putAll(verdict.numbers());
    return verdict.with(numbers);
  }
}
