package dev.headwater.metrics;

import java.time.Duration;

/**
 * What the scorer counts. Committed or not, each record a task processes is counted once per
 * attempt, and the equations hold at any moment at which no record is in flight:
 *
 * <ul>
 *   <li>received = predicted + deadLettered
 *   <li>labels received = labels matched + labels unmatched (expired) + labels waiting + labels
 *       deadLettered
 * </ul>
 *
 * <p>Called on the path of every record: implementations neither block nor allocate where a
 * parameter is a plain number. Alert when deadLettered grows: a producer changed what it sends.
 * Alert when refused grows: a trainer publishes heads this scorer cannot serve.
 */
public interface ScorerMetrics {
  /** Counts nothing. */
  ScorerMetrics NOOP = new ScorerMetrics() {};

  /** Where the time of a record goes. */
  enum Stage {
    /** Reading and encoding one chunk of a poll. */
    DECODE,
    /** From the poll to the start of the batch its records went into. */
    QUEUE,
    /** One batch through the backbone and the live heads. */
    INFERENCE,
    /** A record's turn has come and its result is not there yet. */
    WAIT,
    /** A record's whole turn: waiting, what the live head says, selecting, writing, forwarding. */
    PROCESS
  }

  /** A record reached scoring. */
  default void received() {}

  /** A prediction was forwarded, this long after the record's timestamp. */
  default void predicted(long endToEndMillis) {}

  /** How sure a task's live head is of a record, in [0, 1]; not told in a cold start. */
  default void confident(String task, double confidence) {}

  /** A record was refused and sent to dead letters. */
  default void deadLettered() {}

  /** A record was sent to review for one of its tasks. */
  default void reviewed() {}

  /**
   * A record was kept for one of its tasks to learn from.
   *
   * @param reason the name of a sample's
   */
  default void kept(String task, String reason) {}

  /** A label reached the join. */
  default void labelReceived() {}

  /** A label met its record, this long after the record asked for it: a sample was emitted. */
  default void labelMatched(Duration delay) {}

  /** A label waited for its record in vain. */
  default void labelUnmatched() {}

  /** A label could not be read and was sent to dead letters. */
  default void labelDeadLettered() {}

  /** A stage was passed. */
  default void passed(Stage stage, long nanos) {}

  /**
   * One backbone batch ran.
   *
   * @param positions the batch's tokens, padding included; its records where nothing is padded
   * @param padding those of them that are padding
   */
  default void inferred(int records, long positions, long padding, Duration took) {}

  /** A head went live, this long after its bytes were there. */
  default void swapped(String task, long version, Duration took) {}

  /**
   * Another head than the live one answers for a share of the keys.
   *
   * @param share of the keys; 0 where the live head answers for all of them again
   */
  default void canary(String task, long version, double share) {}

  /**
   * A head was refused and the live one kept.
   *
   * @param task as the topic names it, which may be no task of the bundle
   * @param cause one of a bounded set
   */
  default void headRefused(String task, String cause) {}
}
