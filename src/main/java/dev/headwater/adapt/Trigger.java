package dev.headwater.adapt;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * When to train: after enough new samples, or after an interval with any, whichever comes first. A
 * mask counts for as many as it brings tiles. Not thread-safe.
 */
final class Trigger {
  private final int samples;
  private final double growth;
  private final Duration interval;
  private final Clock clock;
  private int fresh;
  private Instant since;
  private Optional<String> drift = Optional.empty();

  Trigger(AdaptSettings settings, Clock clock) {
    this.samples = settings.samples();
    this.growth = settings.growth();
    this.interval = settings.interval();
    this.clock = clock;
    this.since = clock.instant();
  }

  void sampled(int rows) {
    fresh += rows;
  }

  /** Something has changed: the next sample is worth a training. */
  void drifted(String cause) {
    drift = Optional.of(cause);
  }

  /**
   * What sets off a training now: {@code samples}, {@code interval} or the cause of a drift; empty
   * where nothing does.
   *
   * @param moreToSay whether samples alone are worth one, asked once they have come in number;
   *     neither drift nor time waits for that
   */
  Optional<String> due(int remembered, BooleanSupplier moreToSay) {
    if (fresh >= Math.max(samples, growth * remembered) && moreToSay.getAsBoolean()) {
      return Optional.of("samples");
    }
    if (fresh > 0 && drift.isPresent()) {
      return drift;
    }
    boolean waited = !clock.instant().isBefore(since.plus(interval));
    return fresh > 0 && waited ? Optional.of("interval") : Optional.empty();
  }

  /** A training has seen every sample so far. */
  void reset() {
    fresh = 0;
    since = clock.instant();
    drift = Optional.empty();
  }
}
