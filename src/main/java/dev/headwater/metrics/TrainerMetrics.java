package dev.headwater.metrics;

import java.time.Duration;

/** What the trainer counts. */
public interface TrainerMetrics {
  /** Counts nothing. */
  TrainerMetrics NOOP = new TrainerMetrics() {};

  /** A labelled sample entered the task's memory, which now holds {@code memorySize}. */
  default void sampled(String task, int memorySize) {}

  /** A candidate was trained. */
  default void trained(String task, Duration took) {}

  /** How near the task's detector of this cause is to an alarm, from 0 to 1. */
  default void drift(String task, String cause, double score) {}

  /** A detector has raised an alarm. */
  default void drifted(String task, String cause) {}

  /** The gate spoke about a candidate. */
  default void judged(String task, boolean accepted) {}

  /** A head that served was taken back: it proved worse than its parent. */
  default void withdrawn(String task, long version) {}
}
