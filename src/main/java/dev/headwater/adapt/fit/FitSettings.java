package dev.headwater.adapt.fit;

/**
 * Settings of the fine-tuning of a head.
 *
 * @param device {@code auto}, {@code cpu} or {@code cuda:N}; {@code auto} is the first GPU, or the
 *     CPU if there is none
 * @param threads CPU threads of PyTorch; keep some cores free if scoring runs on the same machine
 * @param pull L2-SP strength: regularisation towards the live head, in units of the inverse
 *     variance of that head's weights
 * @param iterations maximum L-BFGS iterations, for a head of one linear layer
 * @param tailSteps maximum optimiser steps (minibatches), for a head of several layers
 */
public record FitSettings(String device, int threads, double pull, int iterations, int tailSteps) {
  /** Chosen by backtests: see docs/design/adapt.md. */
  public static final FitSettings DEFAULT = new FitSettings("auto", 1, 0.02, 25, 35);

  public FitSettings {
    if (!device.matches("auto|cpu|cuda:\\d{1,3}")) {
      throw new IllegalArgumentException(
          "invalid device '" + device + "': expected auto, cpu or cuda:N");
    }
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be at least 1, got " + threads);
    }
    if (!(pull > 0 && Double.isFinite(pull))) {
      throw new IllegalArgumentException("l2-sp must be positive and finite, got " + pull);
    }
    if (iterations < 1 || tailSteps < 1) {
      throw new IllegalArgumentException(
          "iterations and tail-steps must be at least 1, got %d and %d"
              .formatted(iterations, tailSteps));
    }
  }
}
