package dev.headwater.adapt;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Where training is since the live head came: which fold leaves out which sample, and how far each
 * fold's head has got. A refused candidate's training is gone on from, for steps are dear; and no
 * fold's head ever learns from a sample that it judges, for a sample keeps its fold. Not
 * thread-safe.
 */
final class Progress {
  private final Map<String, Integer> folds = new HashMap<>();
  private int next;
  private List<String> labels = List.of();
  private List<Fitter.Trained> heads = List.of();

  /** Another head is live, or something is not to be learnt from any more: begins again. */
  void restart() {
    folds.clear();
    next = 0;
    labels = List.of();
    heads = List.of();
  }

  /**
   * The fold that leaves out each of these samples, the same as the last time.
   *
   * @param count of folds
   */
  int[] folds(List<String> recordIds, int count) {
    folds.keySet().retainAll(Set.copyOf(recordIds));
    return recordIds.stream()
        .mapToInt(id -> folds.computeIfAbsent(id, unknown -> next++ % count))
        .toArray();
  }

  /** The heads that the last fit made, if they tell the first of these labels by these indexes. */
  List<Fitter.Trained> heads(List<String> now) {
    boolean known = labels.size() <= now.size() && labels.equals(now.subList(0, labels.size()));
    return known ? heads : List.of();
  }

  /** What has diverged is not gone on from. */
  void made(List<String> made, List<Fitter.Trained> fitted) {
    labels = made;
    heads = fitted.stream().allMatch(Fitter.Trained::finite) ? fitted : List.of();
  }
}
