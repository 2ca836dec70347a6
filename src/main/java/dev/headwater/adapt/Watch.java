package dev.headwater.adapt;

import dev.headwater.adapt.drift.DriftMonitor;
import dev.headwater.adapt.drift.DriftSettings;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Feeds the samples of a task to its drift detectors: features and confidences of unlabelled
 * samples, and errors on audit samples. Both are uniform samples of the records.
 *
 * <p>For masks, an unlabelled sample carries means over the image, and the error of an audit sample
 * is estimated from its tiles. Not thread-safe.
 */
final class Watch {
  /** The live version where it is unknown. */
  static final long ANY = Long.MAX_VALUE;

  private final String task;
  private final DriftMonitor monitor;
  private final TrainerMetrics metrics;
  private final UnaryOperator<float[]> summary;

  /**
   * Whether a head was live at the last sample of this task. With its confidence and version, it
   * applies to unlabelled samples of another task.
   */
  private boolean scored;

  private double confidence;
  private long version;
  private long live = ANY;

  /**
   * @param summary maps the features of an unlabelled sample to the vector that is compared
   */
  Watch(
      String task, DriftSettings settings, TrainerMetrics metrics, UnaryOperator<float[]> summary) {
    this.task = task;
    this.summary = summary;
    this.monitor = new DriftMonitor(settings);
    this.metrics = metrics;
  }

  /**
   * Adds a sample.
   *
   * @param sample a sample of this task and feature space; an unlabelled one may belong to another
   *     task, and then has no prediction of this task's head
   * @param error error of the prediction, in [0, 1]; empty if the sample has no new label
   * @return the cause of the alarm that this sample raises; empty for none
   */
  Optional<String> see(Sample sample, Optional<Double> error) {
    boolean unlabelled = sample.getReason() == Reason.UNLABELLED;
    if (sample.getTask().equals(task) && (unlabelled || isCurrent(sample.getHeadVersion()))) {
      scored = scored(sample);
      confidence = sample.getConfidence();
      version = sample.getHeadVersion();
    }
    Optional<String> cause = Optional.empty();
    if (unlabelled && scored) {
      float[] features = summary.apply(SampleSerde.unpack(sample));
      cause = monitor.observe(sample.getRecordId(), features, confidence, version);
    } else if (sample.getReason() == Reason.AUDIT && error.isPresent()) {
      cause = monitor.observeError(error.get());
    }
    monitor.scores().forEach((name, score) -> metrics.drift(task, name, score));
    cause.ifPresent(name -> metrics.drifted(task, name));
    return cause;
  }

  /**
   * Returns whether a head version is current. A delayed label may belong to a prediction of an
   * older head. After a rollback, the live version is older than the one before it.
   */
  private boolean isCurrent(long headVersion) {
    return headVersion == live || version <= headVersion && headVersion < live;
  }

  /** Sets the live head version. */
  void follow(long newVersion) {
    live = newVersion;
  }

  /**
   * Returns whether a head was live: without one, there is no reference for drift. Samples of masks
   * carry a confidence but no prediction.
   */
  private static boolean scored(Sample sample) {
    return sample.getPredicted() != null || sample.getConfidence() > 0;
  }

  void erase(String recordId) {
    monitor.erase(recordId);
  }

  /** Returns the cause of the active alarm; empty once a new head has scored a sample. */
  Optional<String> standing() {
    return monitor.standing();
  }
}
