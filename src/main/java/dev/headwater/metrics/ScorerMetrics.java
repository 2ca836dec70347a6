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
 * <p>Alert when deadLettered grows: a producer changed what it sends. Alert when refused grows: a
 * trainer publishes heads this scorer cannot serve.
 */
public interface ScorerMetrics {
  /** Counts nothing. */
  ScorerMetrics NOOP = new ScorerMetrics() {};

  /** A record reached scoring. */
  default void received() {}

  /** A prediction was forwarded, this long after the record's timestamp. */
  default void predicted(Duration endToEnd) {}

  /** A record was refused and sent to dead letters. */
  default void deadLettered() {}

  /** A record was sent to review for one of its tasks. */
  default void reviewed() {}

  /** A label reached the join. */
  default void labelReceived() {}

  /** A label met its record: a sample was emitted. */
  default void labelMatched() {}

  /** A label waited for its record in vain. */
  default void labelUnmatched() {}

  /** A label could not be read and was sent to dead letters. */
  default void labelDeadLettered() {}

  /** One backbone batch ran. */
  default void inferred(int records, Duration took) {}

  /** A head went live. */
  default void swapped(String task, long version) {}

  /** A head was refused and the live one kept. */
  default void headRefused(String task, String reason) {}
}
