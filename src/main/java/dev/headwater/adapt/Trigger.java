package dev.headwater.adapt;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Decides when to train: after enough new samples, or after an interval with any new sample,
 * whichever comes first. A mask counts as one sample per tile. Not thread-safe.
 */
final class Trigger {
  private final int samples;
  private final double growth;
  private final Duration interval;
  private final Clock clock;
  private int newRows;
  private Instant lastTraining;
  private Optional<String> drift = Optional.empty();

  Trigger(AdaptSettings settings, Clock clock) {
    this.samples = settings.samples();
    this.growth = settings.growth();
    this.interval = settings.interval();
    this.clock = clock;
    this.lastTraining = clock.instant();
  }

  void sampled(int rows) {
    newRows += rows;
  }

  /** Records a drift alarm: the next sample triggers training. */
  void drifted(String cause) {
    drift = Optional.of(cause);
  }

  /**
   * Returns what triggers training now: {@code samples}, {@code interval} or the cause of a drift
   * alarm; empty if nothing does.
   *
   * @param memorySize size of the replay memory, in rows
   * @param enough whether the new samples justify training; evaluated only for the trigger {@code
   *     samples}
   */
  Optional<String> due(int memorySize, BooleanSupplier enough) {
    if (newRows >= Math.max(samples, growth * memorySize) && enough.getAsBoolean()) {
      return Optional.of("samples");
    }
    if (newRows > 0 && drift.isPresent()) {
      return drift;
    }
    boolean elapsed = !clock.instant().isBefore(lastTraining.plus(interval));
    return newRows > 0 && elapsed ? Optional.of("interval") : Optional.empty();
  }

  /** Starts over after a training. */
  void reset() {
    newRows = 0;
    lastTraining = clock.instant();
    drift = Optional.empty();
  }
}
