package dev.headwater.replay;

import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.replay.report.Progress;
import dev.headwater.stream.StreamService;

/** Whoever looks on at a replay: counts what its parts count, and is told how it goes. */
public interface Watcher {
  /** Looks away. */
  Watcher NOBODY = new Watcher() {};

  default ScorerMetrics scorer() {
    return ScorerMetrics.NOOP;
  }

  default TrainerMetrics trainer() {
    return TrainerMetrics.NOOP;
  }

  /** The scorer is there and has not been started. */
  default void deployed(StreamService scorer) {}

  /** Several times a second, while records are under way. */
  default void goesOn(Progress now) {}
}
