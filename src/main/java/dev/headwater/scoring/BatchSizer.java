package dev.headwater.scoring;

/**
 * Chooses the batch size from the measured inference time per record. A batch has the configured
 * size, or more for a fast model: as many records as it processes in one millisecond. The fixed
 * cost of a model run is then negligible (docs/design/scoring.md). Thread-safe.
 */
final class BatchSizer {
  private static final double TARGET_NANOS = 1e6;

  /** Assumed time per record before the first measurement. */
  private static final double INITIAL_NANOS = 1e7;

  private static final double SECOND_NANOS = 1e9;

  /** Weight of the newest batch in the exponential moving average. */
  private static final double SMOOTHING = 0.05;

  private final int minBatchSize;

  /** Moving average. Unsynchronised: of two concurrent updates, one may be lost. */
  private volatile double nanosPerRecord = INITIAL_NANOS;

  /**
   * @param minBatchSize records per batch, whatever the time per record
   */
  BatchSizer(int minBatchSize) {
    this.minBatchSize = minBatchSize;
  }

  /** Records the duration of one batch. */
  void record(int records, long nanos) {
    nanosPerRecord += ((double) nanos / records - nanosPerRecord) * SMOOTHING;
  }

  int batchSize() {
    return (int) Math.max(minBatchSize, TARGET_NANOS / nanosPerRecord);
  }

  /** Returns the number of records that this many threads process per second, at least 1. */
  int recordsPerSecond(int threads) {
    return (int) Math.max(1, threads * SECOND_NANOS / nanosPerRecord);
  }
}
