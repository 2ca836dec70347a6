package dev.headwater.adapt;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Where training is since the live head came: which fold leaves out which sample, and how far each
 * fold's head has got, and what has passed since it could be judged on. A refused candidate's
 * training is gone on from, for steps are dear; and no fold's head ever learns from a sample that
 * it judges, for a sample keeps its fold. Not thread-safe.
 */
final class Progress {
  /** What a candidate is judged on stands for so many records at least: the traffic of late. */
  private static final int RECORDS = 2000;

  /** Likewise where the traffic has changed: what came before that would defend the live head. */
  private static final int RECORDS_AFTER_DRIFT = 500;

  /** And is so many samples at least, where there are. */
  private static final int SAMPLES = 100;

  private final Map<String, Integer> folds = new HashMap<>();
  private TrainedThrough passed = TrainedThrough.nothing();
  private boolean drifted;
  private int next;
  private List<String> labels = List.of();
  private List<Fitter.Trained> heads = List.of();

  /** Another head is live, or something is not to be learnt from any more: begins again. */
  void restart() {
    folds.clear();
    passed = TrainedThrough.nothing();
    next = 0;
    labels = List.of();
    heads = List.of();
  }

  /** The traffic has changed; what has passed by it does not come back. */
  void drifted() {
    drifted = true;
  }

  /**
   * Which of these samples, indexes in the order they came, the next candidate is judged on: the
   * newest. Older ones have passed: every fold may learn from them, so none of them is ever judged
   * on again.
   */
  int[] ofLate(List<Remembered> samples, int[] unseen) {
    int[] left = Arrays.stream(unseen).filter(i -> !passed.covers(samples.get(i))).toArray();
    int least = drifted ? RECORDS_AFTER_DRIFT : RECORDS;
    drifted = false;
    int from = left.length;
    for (double records = 0; from > 0 && (records < least || left.length - from < SAMPLES); ) {
      records += samples.get(left[--from]).weight();
    }
    for (int i = 0; i < from; i++) {
      passed.advance(samples.get(left[i]).partition(), samples.get(left[i]).offset());
    }
    return Arrays.copyOfRange(left, from, left.length);
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
