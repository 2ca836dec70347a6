package dev.headwater.adapt.fit;

/** A listener for the progress of a fit, called on the thread that fits. */
@FunctionalInterface
public interface Steps {
  /** Ignores all steps. */
  Steps UNSEEN = (step, limit, loss) -> {};

  /**
   * Called after each optimiser step.
   *
   * @param step number of the step, counted over all heads of one fit, at most {@code limit}
   * @param loss training loss of the current head after this step
   */
  void stepped(int step, int limit, double loss);
}
