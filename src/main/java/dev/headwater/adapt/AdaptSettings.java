package dev.headwater.adapt;

import dev.headwater.adapt.drift.DriftSettings;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.heads.HeadSettings;
import java.time.Duration;

/**
 * How the worker learns.
 *
 * @param transactionalId under which heads are published; one trainer at a time per id
 * @param samples new samples, or tiles of masks, that set off a training
 * @param growth of the memory that new samples must amount to as well, so that the cost of training
 *     stays in proportion
 * @param interval after which any new sample sets off a training
 * @param memory samples kept to train on; beyond it the oldest of the most frequent label goes
 * @param folds of the judged samples, each scored by a head that did not train on it; of a head of
 *     several layers two, unless it is dense
 * @param balance in [0, 1]: a sample of a label seen n times counts n^-balance
 * @param closeTimeout for the thread to stop
 * @param promotion who makes an accepted candidate live
 * @param alignUnlabelled whether heads follow moving classes while no labels come, on no proof but
 *     what clusters say and older labels do not deny, and heads trained on labels bring for it
 *     where these lie: see {@link dev.headwater.adapt.align.Aligner} for the risk
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

  /** The trainer, or somebody who approves of it. */
  public enum Promotion {
    AUTOMATIC,
    MANUAL
  }

  public AdaptSettings {
    require(!transactionalId.isBlank(), "transactional id must not be blank");
    require(samples >= 1, "samples that trigger a training must be at least 1, got " + samples);
    require(growth >= 0 && growth <= 1, "growth must be in [0, 1], got " + growth);
    require(interval.toMillis() > 0, "training interval must be at least 1 ms, got " + interval);
    require(memory >= 10, "memory must hold at least 10 samples, got " + memory);
    require(folds >= 2 && folds <= 50, "folds must be 2 to 50, got " + folds);
    require(balance >= 0 && balance <= 1, "balance must be in [0, 1], got " + balance);
    require(closeTimeout.toMillis() > 0, "close timeout must be at least 1 ms: " + closeTimeout);
  }

  /** Everything but what has no sensible default; chosen by replay, see RATIONALE.md. */
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

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalArgumentException(message);
    }
  }
}
