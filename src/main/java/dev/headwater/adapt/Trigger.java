package dev.headwater.adapt;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * When to train: after enough new samples, or after an interval with any, whichever comes first.
 * Not thread-safe.
 */
final class Trigger {
  private final int samples;
  private final double growth;
  private final Duration interval;
  private final Clock clock;
  private int fresh;
  private Instant since;

  Trigger(AdaptSettings settings, Clock clock) {
    this.samples = settings.samples();
    this.growth = settings.growth();
    this.interval = settings.interval();
    this.clock = clock;
    this.since = clock.instant();
  }

  void sampled() {
    fresh++;
  }

  /**
   * What sets off a training now: {@code samples} or {@code interval}; empty where nothing does.
   */
  Optional<String> due(int memorySize) {
    if (fresh >= Math.max(samples, growth * memorySize)) {
      return Optional.of("samples");
    }
    boolean waited = !clock.instant().isBefore(since.plus(interval));
    return fresh > 0 && waited ? Optional.of("interval") : Optional.empty();
  }

  /** A training has seen every sample so far. */
  void reset() {
    fresh = 0;
    since = clock.instant();
  }
}
