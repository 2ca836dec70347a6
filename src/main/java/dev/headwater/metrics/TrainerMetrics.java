package dev.headwater.metrics;

import java.time.Duration;

/** What the trainer counts. */
public interface TrainerMetrics {
  /** Counts nothing. */
  TrainerMetrics NOOP = new TrainerMetrics() {};

  /** Which head an accuracy is of. */
  enum Side {
    /** The one that served the record. */
    LIVE,
    /** The parent of the head that is live, asked about the same record. */
    PREVIOUS
  }

  /** Samples on the topic that are not read yet. */
  default void lag(long records) {}

  /**
   * All that one look at the topic brought was taken in: into memory, and by what looks for drift.
   */
  default void tookIn(Duration took) {}

  /** A labelled sample entered the task's memory, which now holds {@code memorySize}. */
  default void sampled(String task, int memorySize) {}

  /** A record was erased from the task's memory, which now holds {@code memorySize}. */
  default void erased(String task, int memorySize) {}

  /**
   * How well a head does on the latest labelled samples, each judged before anything learnt from
   * it.
   *
   * @param accuracy weighted to the traffic, in [0, 1]
   * @param calibrationError expected calibration error, in [0, 1]
   */
  default void prequential(String task, Side head, double accuracy, double calibrationError) {}

  /** Of a task that tells masks, intersection over union on the same samples, likewise. */
  default void overlap(String task, Side head, double iou) {}

  /**
   * A training goes on.
   *
   * @param step of at most {@code limit}, over all the heads that are fitted at a time
   */
  default void stepped(String task, int step, int limit, double loss) {}

  /** A candidate was trained. */
  default void trained(String task, Duration took) {}

  /** How near the task's detector of this cause is to an alarm, from 0 to 1. */
  default void drift(String task, String cause, double score) {}

  /** A detector has raised an alarm. */
  default void drifted(String task, String cause) {}

  /**
   * The gate spoke about a candidate.
   *
   * @param cause one of a bounded set
   */
  default void judged(String task, boolean accepted, String cause) {}

  /** The head that training starts from. */
  default void live(String task, long version) {}

  /** A head that served was taken back: it proved worse than its parent. */
  default void withdrawn(String task, long version) {}
}
