package dev.headwater.gate;

import java.util.List;
import java.util.Set;

/**
 * The evaluation data of a candidate.
 *
 * @param trials one per sample; scored by the live head (or a fold of it) before it trained on the
 *     sample, and by a fold of the candidate that did not train on it
 * @param liveLabels labels of the live head; empty if no head is live
 * @param candidateLabels labels of the candidate
 * @param finite whether all weights of the candidate are finite
 */
public record Judged(
    List<Trial> trials, Set<String> liveLabels, Set<String> candidateLabels, boolean finite) {

  public Judged {
    trials = List.copyOf(trials);
    liveLabels = Set.copyOf(liveLabels);
    candidateLabels = Set.copyOf(candidateLabels);
  }

  boolean forgetsLabels() {
    return !candidateLabels.containsAll(liveLabels);
  }
}
