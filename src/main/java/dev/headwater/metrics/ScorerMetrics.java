package dev.headwater.metrics;

import java.time.Duration;

/**
 * The metrics of the scorer. Each processing attempt of a record counts, committed or not. These
 * invariants hold whenever no record is in flight:
 *
 * <ul>
 *   <li>received = predicted + deadLettered
 *   <li>labels received = labels matched + labels unmatched (expired) + labels waiting + labels
 *       deadLettered
 * </ul>
 *
 * <p>Called for every record: implementations must not block, and must not allocate if all
 * parameters are primitive. Alert on an increase of deadLettered: a producer changed its records.
 * Alert on an increase of rejected heads: a trainer publishes heads that this scorer cannot serve.
 */
public interface ScorerMetrics {
  /** Ignores all events. */
  ScorerMetrics NOOP = new ScorerMetrics() {};

  /** The pipeline stages that are timed. */
  enum Stage {
    /** Decoding and encoding one chunk of polled records. */
    DECODE,
    /** From the poll to the start of the inference batch. */
    QUEUE,
    /** Running one batch through the backbone and the live heads. */
    INFERENCE,
    /** Waiting in {@code process()} for the result of the record's batch. */
    WAIT,
    /** All of {@code process()}: waiting, head inference, selection, serialisation, forwarding. */
    PROCESS
  }

  /** Records that a record reached scoring. */
  default void received() {}

  /** Records a forwarded prediction, with the time since the record's timestamp. */
  default void predicted(long endToEndMillis) {}

  /** Records the confidence of the live head, in [0, 1]; not called during a cold start. */
  default void recordConfidence(String task, double confidence) {}

  /** Records that a record was invalid and sent to dead letters. */
  default void deadLettered() {}

  /** Records a label request for one task of a record. */
  default void reviewed() {}

  /**
   * Records that a sample was kept for one task of a record.
   *
   * @param reason name of the sample's {@code Reason}
   */
  default void recordSample(String task, String reason) {}

  /** Records that a label reached the label join. */
  default void labelReceived() {}

  /** Records that a label matched its record, with the label delay. A sample was emitted. */
  default void labelMatched(Duration delay) {}

  /** Records that a label expired without a matching record. */
  default void labelUnmatched() {}

  /** Records that a label was invalid and sent to dead letters. */
  default void labelDeadLettered() {}

  /** Records the duration of a stage. */
  default void recordStage(Stage stage, long nanos) {}

  /**
   * Records a backbone batch.
   *
   * @param positions tokens in the batch, including padding; the number of records for inputs
   *     without padding
   * @param padding padding tokens among them
   */
  default void recordBatch(int records, long positions, long padding, Duration elapsed) {}

  /** Records that a head became live, with the time since its bytes were read. */
  default void swapped(String task, long version, Duration elapsed) {}

  /**
   * Records that a canary head serves a fraction of the keys.
   *
   * @param share fraction of the keys; 0 if the live head serves all keys again
   */
  default void canary(String task, long version, double share) {}

  /**
   * Records that a head was rejected and the live head kept.
   *
   * @param task task name from the topic, which may not exist in the bundle
   * @param cause one of a bounded set
   */
  default void headRejected(String task, String cause) {}
}
