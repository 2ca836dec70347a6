package dev.headwater.scoring;

/**
 * How long records take, and so how many of one length make a run: as many as are set, and of a
 * quick network as many as it takes a millisecond for. What a run costs besides its records is then
 * shared by so many of them that it hardly counts (RATIONALE.md).
 */
final class RunLength {
  private static final double LONG_NANOS = 1e6;

  /** What a record is thought to take until some have run. */
  private static final double UNKNOWN_NANOS = 1e7;

  private static final double SECOND_NANOS = 1e9;

  /** A run's part in the mean over the latest of them. */
  private static final double LATEST = 0.05;

  private final int least;

  /** A mean; where two runs end at once, one of them may not count. */
  private volatile double nanosARecord = UNKNOWN_NANOS;

  /**
   * @param least records in a run, however long it takes
   */
  RunLength(int least) {
    this.least = least;
  }

  void took(int records, long nanos) {
    nanosARecord += ((double) nanos / records - nanosARecord) * LATEST;
  }

  int records() {
    return (int) Math.max(least, LONG_NANOS / nanosARecord);
  }

  /** Records that so many threads run in a second, one at least. */
  int inASecond(int threads) {
    return (int) Math.max(1, threads * SECOND_NANOS / nanosARecord);
  }
}
