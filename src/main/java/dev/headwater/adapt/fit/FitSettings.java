package dev.headwater.adapt.fit;

/**
 * How a head is fitted.
 *
 * @param device {@code auto}, {@code cpu} or {@code cuda:N}; {@code auto} takes the first GPU
 * @param threads cores PyTorch may use, so that scoring on the same machine keeps its own
 * @param pull strength of the pull towards the live head, in units of the inverse variance of its
 *     own weights
 * @param iterations of the optimiser at most, where the head is one linear layer
 * @param tailSteps minibatches, where it has several
 */
public record FitSettings(String device, int threads, double pull, int iterations, int tailSteps) {
  /** Chosen by replay: see RATIONALE.md in the package above. */
  public static final FitSettings DEFAULT = new FitSettings("auto", 1, 0.02, 25, 35);

  public FitSettings {
    if (!device.matches("auto|cpu|cuda:\\d{1,3}")) {
      throw new IllegalArgumentException("device must be auto, cpu or cuda:N, got " + device);
    }
    if (threads < 1) {
      throw new IllegalArgumentException("training threads must be at least 1, got " + threads);
    }
    if (!(pull > 0 && Double.isFinite(pull))) {
      throw new IllegalArgumentException("pull must be positive and finite, got " + pull);
    }
    if (iterations < 1 || tailSteps < 1) {
      throw new IllegalArgumentException(
          "iterations and tail steps must be at least 1, got %d and %d"
              .formatted(iterations, tailSteps));
    }
  }
}
