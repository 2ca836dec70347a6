package dev.headwater.adapt;

import dev.headwater.adapt.drift.DriftSettings;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.heads.HeadSettings;
import java.time.Duration;

/**
 * Settings of the trainer.
 *
 * @param transactionalId transactional id for publishing heads; one trainer at a time per id
 * @param samples new samples (for masks, new tiles) that trigger training
 * @param growth minimum ratio of new samples to the memory size, in addition to {@code samples}; it
 *     keeps the cost of training proportional
 * @param interval time after which any new sample triggers training
 * @param memory capacity of the replay memory in samples; a full memory evicts the oldest sample of
 *     the most frequent label
 * @param folds cross-validation folds of the held-out samples; each sample is scored by a head that
 *     did not train on it. Heads of several layers use at most two, or three for segmentation
 * @param balance class balance in [0, 1]: a sample of a label seen n times weighs n^-balance
 * @param closeTimeout maximum wait for the trainer thread to stop
 * @param promotion whether the trainer or an operator promotes accepted candidates
 * @param alignUnlabelled whether heads follow moving classes while no labels arrive. The only
 *     evidence is clusters, checked against older labels. Heads trained on labels then carry source
 *     statistics. See {@link dev.headwater.adapt.align.Aligner} for the risk
 */
public record AdaptSettings(
    String transactionalId,
    int samples,
    double growth,
    Duration interval,
    int memory,
    int folds,
    double balance,
    FitSettings fit,
    HeadSettings heads,
    Duration closeTimeout,
    Promotion promotion,
    DriftSettings drift,
    boolean alignUnlabelled) {

  /** Whether the trainer promotes accepted candidates, or an operator does. */
  public enum Promotion {
    AUTOMATIC,
    MANUAL
  }

  public AdaptSettings {
    require(!transactionalId.isBlank(), "transactional ID must not be blank");
    require(samples >= 1, "trigger samples must be at least 1, got " + samples);
    require(growth >= 0 && growth <= 1, "trigger growth must be in [0, 1], got " + growth);
    require(interval.toMillis() > 0, "trigger interval must be at least 1 ms, got " + interval);
    require(memory >= 10, "memory must be at least 10 samples, got " + memory);
    require(folds >= 2 && folds <= 50, "folds must be in [2, 50], got " + folds);
    require(balance >= 0 && balance <= 1, "balance must be in [0, 1], got " + balance);
    require(
        closeTimeout.toMillis() > 0, "close timeout must be at least 1 ms, got " + closeTimeout);
  }

  /** Returns the defaults, which were chosen by replay: see docs/design/adapt.md. */
  public static AdaptSettings of(String transactionalId) {
    return new AdaptSettings(
        transactionalId,
        10,
        0.015,
        Duration.ofMinutes(10),
        10_000,
        4,
        0.5,
        FitSettings.DEFAULT,
        HeadSettings.DEFAULT,
        Duration.ofSeconds(30),
        Promotion.AUTOMATIC,
        DriftSettings.DEFAULT,
        false);
  }

  private static void require(boolean valid, String message) {
    if (!valid) {
      throw new IllegalArgumentException(message);
    }
  }
}
