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
 * Looks for drift in what a task's trainer reads: in the features and confidences of the uniform
 * draw, and in the errors on audited samples, which nothing chose either. Of masks, a draw brings
 * the means over the picture, and how wrong an audited one is, its tiles tell. Not thread-safe.
 */
final class Watch {
  /** Where it is not known which version is live. */
  static final long ANY = Long.MAX_VALUE;

  private final String task;
  private final DriftMonitor monitor;
  private final TrainerMetrics metrics;
  private final UnaryOperator<float[]> compared;

  /** What the task's own samples said last, where draws are another's. */
  private boolean scored;

  private double confidence;
  private long version;
  private long live = ANY;

  /**
   * @param compared what draws are compared by
   */
  Watch(
      String task,
      DriftSettings settings,
      TrainerMetrics metrics,
      UnaryOperator<float[]> compared) {
    this.task = task;
    this.compared = compared;
    this.monitor = new DriftMonitor(settings);
    this.metrics = metrics;
  }

  /**
   * @param sample of this task and its feature space; an unlabelled one may be of the task that
   *     draws for it, and says nothing of this one's head
   * @param error of what was said of it, in [0, 1]; empty where its label says nothing new
   * @return the cause of an alarm that this sample has raised
   */
  Optional<String> see(Sample sample, Optional<Double> error) {
    boolean drawn = sample.getReason() == Reason.UNLABELLED;
    if (sample.getTask().equals(task) && (drawn || isOfNow(sample.getHeadVersion()))) {
      scored = scored(sample);
      confidence = sample.getConfidence();
      version = sample.getHeadVersion();
    }
    Optional<String> cause = Optional.empty();
    if (drawn && scored) {
      float[] features = compared.apply(SampleSerde.unpack(sample));
      cause = monitor.drawn(sample.getRecordId(), features, confidence, version);
    } else if (sample.getReason() == Reason.AUDIT && error.isPresent()) {
      cause = monitor.judged(error.get());
    }
    monitor.scores().forEach((name, score) -> metrics.drift(task, name, score));
    cause.ifPresent(name -> metrics.drifted(task, name));
    return cause;
  }

  /**
   * A label may come late, of what an older head said, and a head that was rolled back to is older
   * than what it follows.
   */
  private boolean isOfNow(long said) {
    return said == live || version <= said && said < live;
  }

  /** This version is live. */
  void follow(long now) {
    live = now;
  }

  /**
   * Not in a cold start, where there is nothing to drift from. Masks do not travel with samples.
   */
  private static boolean scored(Sample sample) {
    return sample.getPredicted() != null || sample.getConfidence() > 0;
  }

  void erase(String recordId) {
    monitor.erase(recordId);
  }

  /** The cause of an alarm that no new head has answered yet. */
  Optional<String> standing() {
    return monitor.standing();
  }
}
