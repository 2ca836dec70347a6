package dev.headwater.adapt.fit;

/** Is told how a fit goes on, on the thread that fits. */
@FunctionalInterface
public interface Steps {
  /** Tells nobody. */
  Steps UNSEEN = (step, limit, loss) -> {};

  /**
   * @param step of at most {@code limit}, over all the heads of one fit
   * @param loss of the head in hand at this step
   */
  void stepped(int step, int limit, double loss);
}
