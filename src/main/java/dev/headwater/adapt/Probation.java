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
 * The live head against its parent, on samples that neither trained on. As both are on the heads
 * topic and the samples on theirs, a trainer that starts anew finds what the one before it found,
 * but for samples that it no longer remembers. Not thread-safe.
 */
final class Probation {
  /** Differences between two heads, of audits alone: more are of years. */
  private static final int MOST_SETTLED = 100_000;

  private final Supervision by;
  private final Side head;
  private final Side parent;
  private final Gate gate;
  private final Optional<Dense> dense;
  private final Map<String, Answer> answers = new HashMap<>();

  /** What audits said that the memory has since let go of: bets that are lost stay lost. */
  private final Map<String, Trial> settled = new LinkedHashMap<>();

  /**
   * @param label it was judged by, which may be corrected
   */
  private record Answer(String label, boolean audit, Trial trial) {}

  /** A head and what it says. */
  private record Side(HeadInfo info, Fitter.Trained trained) {
    static Side of(Head head, Fitter fitter, Supervision by) {
      return new Side(head.info(), by.scaled(fitter.of(head)));
    }

    List<float[]> said(List<Remembered> samples) {
      return trained.logits(samples.stream().map(Remembered::features).toList());
    }
  }

  /**
   * @param kind of the task's labels
   * @param dense where they are masks
   */
  Probation(Head head, Head parent, Fitter fitter, Gate gate, Kind kind, Optional<Dense> dense) {
    this.by = Supervision.of(kind).as(head.info());
    this.head = Side.of(head, fitter, by);
    this.parent = Side.of(parent, fitter, by);
    this.gate = gate;
    this.dense = dense;
  }

  /**
   * The verdict that withdraws the head, with the numbers it had before; empty while it may stay.
   *
   * @param unseen every sample the head did not train on
   */
  Optional<Verdict> verdict(List<Remembered> unseen) {
    answer(unseen);
    List<Trial> all = new ArrayList<>();
    List<Trial> audit = new ArrayList<>(settled.values());
    for (Remembered sample : unseen) {
      Trial trial =
          Objects.requireNonNull(answers.get(sample.recordId()), "answered above").trial();
      all.add(trial);
      if (sample.reason() == Reason.AUDIT) {
        audit.add(trial);
      }
    }
    return gate.withdraws(audit, all, parent.info.version()).map(this::withFormerNumbers);
  }

  /** Each sample is scored once, and again after its label was corrected. */
  private void answer(List<Remembered> unseen) {
    Set<String> there = unseen.stream().map(Remembered::recordId).collect(Collectors.toSet());
    answers
        .entrySet()
        .removeIf(
            answer ->
                !there.contains(answer.getKey()) && settle(answer.getKey(), answer.getValue()));
    List<Remembered> fresh =
        unseen.stream()
            .filter(
                sample -> {
                  Answer known = answers.get(sample.recordId());
                  return known == null || !known.label().equals(sample.label());
                })
            .toList();
    List<float[]> after = head.said(fresh);
    List<float[]> before = parent.said(fresh);
    for (int i = 0; i < fresh.size(); i++) {
      Remembered sample = fresh.get(i);
      Trial trial = trial(sample, before.get(i), after.get(i));
      settled.remove(sample.recordId()); // it came again: one record, one bet
      answers.put(
          sample.recordId(), new Answer(sample.label(), sample.reason() == Reason.AUDIT, trial));
    }
  }

  /** Forgets a record. */
  void erase(String recordId) {
    answers.remove(recordId);
    settled.remove(recordId);
  }

  /** The test is right however often it is asked only if nothing is forgotten. */
  private boolean settle(String recordId, Answer answer) {
    Trial trial = answer.trial();
    boolean alike = trial.gain() == 0 && Objects.equals(trial.live(), trial.candidate());
    if (answer.audit() && !alike) {
      settled.put(recordId, trial);
      if (settled.size() > MOST_SETTLED) {
        settled.remove(settled.keySet().iterator().next());
      }
    }
    return true;
  }

  private Trial trial(Remembered sample, float[] before, float[] after) {
    return dense
        .map(masks -> masks.trial(sample, before, after, head.info.labels().size()))
        .orElseGet(
            () ->
                by.trial(
                    sample,
                    new Supervision.Said(parent.info.labels(), before),
                    new Supervision.Said(head.info.labels(), after)));
  }

  private Verdict withFormerNumbers(Verdict verdict) {
    Map<String, Double> numbers = new HashMap<>(head.info.verdict().numbers());
    numbers.putAll(verdict.numbers());
    return verdict.with(numbers);
  }
}
