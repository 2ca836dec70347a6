package dev.headwater.metrics;

import java.time.Duration;

/** The metrics of the trainer. */
public interface TrainerMetrics {
  /** Ignores all events. */
  TrainerMetrics NOOP = new TrainerMetrics() {};

  /** The head that an accuracy refers to. */
  enum Side {
    /** The head that served the record. */
    LIVE,
    /** The parent of the live head, evaluated on the same record. */
    PREVIOUS
  }

  /** Records the number of samples on the topic that are not read yet. */
  default void lag(long records) {}

  /** Records the time to add one poll of samples to the memory and the drift detectors. */
  default void tookIn(Duration elapsed) {}

  /** Records a labelled sample, with the resulting size of the task's memory. */
  default void sampled(String task, int memorySize) {}

  /** Records an erasure, with the resulting size of the task's memory. */
  default void erased(String task, int memorySize) {}

  /**
   * Records the prequential accuracy of a head: over the latest labelled samples, each evaluated
   * before training on it.
   *
   * @param accuracy weighted by inverse inclusion probability, in [0, 1]
   * @param calibrationError expected calibration error, in [0, 1]
   */
  default void prequential(String task, Side head, double accuracy, double calibrationError) {}

  /** Records the prequential intersection over union of a dense task, on the same samples. */
  default void overlap(String task, Side head, double iou) {}

  /**
   * Records the progress of a training.
   *
   * @param step current step, at most {@code limit}, over all heads that are fitted together
   */
  default void stepped(String task, int step, int limit, double loss) {}

  /** Records that a candidate was trained. */
  default void trained(String task, Duration elapsed) {}

  /** Records the score of a drift detector; an alarm is raised at 1. */
  default void drift(String task, String cause, double score) {}

  /** Records a drift alarm. */
  default void drifted(String task, String cause) {}

  /**
   * Records the gate's verdict on a candidate.
   *
   * @param cause one of a bounded set
   */
  default void judged(String task, boolean accepted, String cause) {}

  /** Records the live head, which training starts from. */
  default void live(String task, long version) {}

  /** Records the withdrawal of a live head that proved worse than its parent. */
  default void withdrawn(String task, long version) {}
}
