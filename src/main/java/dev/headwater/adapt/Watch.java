package dev.headwater.adapt;

import dev.headwater.adapt.drift.DriftMonitor;
import dev.headwater.adapt.drift.DriftSettings;
import dev.headwater.bundle.Kind;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import java.util.Optional;

/**
 * Looks for drift in what a task's trainer reads: in the features and confidences of the uniform
 * draw, and in the errors on audited samples, which nothing chose either. Not thread-safe.
 */
final class Watch {
  private final String task;
  private final Kind kind;
  private final DriftMonitor monitor;
  private final TrainerMetrics metrics;

  Watch(String task, Kind kind, DriftSettings settings, TrainerMetrics metrics) {
    this.task = task;
    this.kind = kind;
    this.monitor = new DriftMonitor(settings);
    this.metrics = metrics;
  }

  /**
   * @param sample of this task and its feature space
   * @param news whether its label, if it has one, says anything new
   * @return the cause of an alarm that this sample has raised
   */
  Optional<String> see(Sample sample, boolean news) {
    String predicted = sample.getPredicted();
    Optional<String> cause = Optional.empty();
    if (predicted == null) {
      return cause; // a cold start: nothing to drift from
    }
    if (sample.getReason() == Reason.UNLABELLED) {
      float[] features = SampleSerde.unpack(sample);
      cause = monitor.drawn(features, sample.getConfidence(), sample.getHeadVersion());
    } else if (sample.getReason() == Reason.AUDIT && news) {
      cause = monitor.judged(kind.error(predicted, sample.getLabel()));
    }
    monitor.scores().forEach((name, score) -> metrics.drift(task, name, score));
    cause.ifPresent(name -> metrics.drifted(task, name));
    return cause;
  }

  /** The cause of an alarm that no new head has answered yet. */
  Optional<String> standing() {
    return monitor.standing();
  }
}
