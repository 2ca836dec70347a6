package dev.headwater.scoring;

/**
 * How inference uses the machine. Pool threads times intra-op threads should be the cores: more of
 * them is the classic way to make ONNX Runtime slow.
 *
 * @param threads of the pool that decodes and runs the network, at least 1
 * @param intraOpThreads each run of the network may use, at least 1; best left at 1 while there are
 *     batches enough to keep the pool busy
 * @param batchSize records in a run, 1 to 4096; where all are of one length and a run of so many is
 *     short, more
 * @param compareFrozen whether each score also says what the head that never learns would have said
 */
public record ScoringSettings(
    int threads, int intraOpThreads, int batchSize, boolean compareFrozen) {

  public ScoringSettings {
    if (threads < 1) {
      throw new IllegalArgumentException("scoring threads must be at least 1, not " + threads);
    }
    if (intraOpThreads < 1) {
      throw new IllegalArgumentException(
          "intra-op threads must be at least 1, not " + intraOpThreads);
    }
    if (batchSize < 1 || batchSize > 4096) {
      throw new IllegalArgumentException("batch size must be 1 to 4096, not " + batchSize);
    }
  }

  /** One pool thread a core, one core a run, batches of 32. */
  public static ScoringSettings defaults() {
    return new ScoringSettings(Runtime.getRuntime().availableProcessors(), 1, 32, false);
  }
}
