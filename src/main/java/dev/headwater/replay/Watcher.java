package dev.headwater.replay;

import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.replay.report.Progress;
import dev.headwater.stream.StreamService;

/** A listener to a replay. Receives its progress and the metrics of scorer and trainer. */
public interface Watcher {
  /** A listener that ignores everything. */
  Watcher NONE = new Watcher() {};

  default ScorerMetrics scorer() {
    return ScorerMetrics.NOOP;
  }

  default TrainerMetrics trainer() {
    return TrainerMetrics.NOOP;
  }

  /** Called when the scorer has been created, before it starts. */
  default void deployed(StreamService scorer) {}

  /** Called several times per second while records are processed. */
  default void goesOn(Progress now) {}
}
