package dev.headwater.scoring;

/**
 * Inference threads and batches. {@code threads} times {@code intraOpThreads} should equal the
 * number of cores: more threads slow ONNX Runtime down.
 *
 * @param threads threads of the pool that decodes records and runs the model, at least 1
 * @param intraOpThreads ONNX Runtime threads per model run, at least 1; keep 1 while there are
 *     enough batches to keep the pool busy
 * @param batchSize maximum records per batch, 1 to 4096; batches of records with equal length may
 *     be larger while a run takes less than a millisecond
 * @param compareFrozen whether to also compute the prediction of the frozen head
 */
public record ScoringSettings(
    int threads, int intraOpThreads, int batchSize, boolean compareFrozen) {

  public ScoringSettings {
    if (threads < 1) {
      throw new IllegalArgumentException("scoring threads must be at least 1, got " + threads);
    }
    if (intraOpThreads < 1) {
      throw new IllegalArgumentException(
          "intra-op threads must be at least 1, got " + intraOpThreads);
    }
    if (batchSize < 1 || batchSize > 4096) {
      throw new IllegalArgumentException("batch size must be in [1, 4096], got " + batchSize);
    }
  }

  /** Returns the defaults: one pool thread per core, one thread per run, batches of 32. */
  public static ScoringSettings defaults() {
    return new ScoringSettings(Runtime.getRuntime().availableProcessors(), 1, 32, false);
  }
}
