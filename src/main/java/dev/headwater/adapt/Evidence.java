package dev.headwater.adapt;

import java.util.Arrays;
import java.util.List;

/**
 * Selects the evaluation samples of the next candidate: the newest ones that the live head has not
 * trained on. Not thread-safe.
 */
final class Evidence {
  /** Minimum number of records that the samples represent, as a sum of importance weights. */
  private static final int MIN_RECORDS = 2000;

  /** Minimum after drift: samples from before the drift would favour the live head. */
  private static final int MIN_RECORDS_AFTER_DRIFT = 500;

  /** Minimum number of samples, where there are as many. */
  private static final int MIN_SAMPLES = 100;

  private TrainedThrough excluded = TrainedThrough.nothing();
  private boolean driftPending;

  /** Starts over after the live head has changed. */
  void restart() {
    excluded = TrainedThrough.nothing();
  }

  /** Records a drift alarm: samples outside the next window are excluded for good. */
  void drifted() {
    driftPending = true;
  }

  /**
   * Returns the indexes of the samples to evaluate the next candidate on: the newest, excluding
   * those from before the last drift.
   *
   * @param samples in order of arrival
   * @param unseen indexes of the samples that the live head has not trained on
   */
  int[] ofLate(List<Remembered> samples, int[] unseen) {
    int[] eligible = Arrays.stream(unseen).filter(i -> !excluded.covers(samples.get(i))).toArray();
    int minRecords = driftPending ? MIN_RECORDS_AFTER_DRIFT : MIN_RECORDS;
    int from = eligible.length;
    for (double records = 0;
        from > 0 && (records < minRecords || eligible.length - from < MIN_SAMPLES); ) {
      records += samples.get(eligible[--from]).weight();
    }
    for (int i = 0; driftPending && i < from; i++) {
      excluded.advance(samples.get(eligible[i]).partition(), samples.get(eligible[i]).offset());
    }
    driftPending = false;
    return Arrays.copyOfRange(eligible, from, eligible.length);
  }
}
