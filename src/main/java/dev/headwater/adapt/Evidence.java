package dev.headwater.adapt;

import java.util.Arrays;
import java.util.List;

/**
 * What the next candidate is judged on: the traffic of late, of what the live head has not trained
 * on. Not thread-safe.
 */
final class Evidence {
  /** What a candidate is judged on stands for so many records at least. */
  private static final int RECORDS = 2000;

  /** Likewise where the traffic has changed: what came before that would defend the live head. */
  private static final int RECORDS_AFTER_DRIFT = 500;

  /** And is so many samples at least, where there are. */
  private static final int SAMPLES = 100;

  private TrainedThrough passed = TrainedThrough.nothing();
  private boolean drifted;

  /** Another head is live: begins again. */
  void restart() {
    passed = TrainedThrough.nothing();
  }

  /** The traffic has changed; what has passed by it does not come back. */
  void drifted() {
    drifted = true;
  }

  /**
   * Which of these samples, indexes in the order they came, the next candidate is judged on: the
   * newest, and none from before the traffic last changed.
   */
  int[] ofLate(List<Remembered> samples, int[] unseen) {
    int[] left = Arrays.stream(unseen).filter(i -> !passed.covers(samples.get(i))).toArray();
    int least = drifted ? RECORDS_AFTER_DRIFT : RECORDS;
    int from = left.length;
    for (double records = 0; from > 0 && (records < least || left.length - from < SAMPLES); ) {
      records += samples.get(left[--from]).weight();
    }
    for (int i = 0; drifted && i < from; i++) {
      passed.advance(samples.get(left[i]).partition(), samples.get(left[i]).offset());
    }
    drifted = false;
    return Arrays.copyOfRange(left, from, left.length);
  }
}
