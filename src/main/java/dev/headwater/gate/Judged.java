package dev.headwater.gate;

import java.util.List;
import java.util.Set;

/**
 * What a candidate is judged on.
 *
 * @param trials each scored by the live head, or a part of it, before it trained on it, and by a
 *     candidate's fold that did not
 * @param liveLabels what the live head knows; empty where none is live
 * @param candidateLabels what the candidate knows
 * @param finite whether every weight of the candidate is
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
