package dev.headwater.adapt.fit;

/**
 * Adam with decoupled decay (AdamW: Loshchilov and Hutter 2019), which decays towards an anchor
 * instead of zero: L2-SP (Li et al. 2018), so that what the samples say nothing of stays.
 */
final class Adam {
  private static final double FIRST = 0.9;
  private static final double SECOND = 0.999;
  private static final double EPSILON = 1e-8;

  private final float[] anchor;
  private final float[] at;
  private final float[] mean;
  private final float[] square;
  private final double rate;
  private final double pull;
  private int steps;

  /**
   * @param anchor what it is pulled to
   * @param start where it begins
   * @param rate of learning, at first
   * @param pull share of the way back to {@code anchor} that a step of rate 1 goes
   */
  Adam(float[] anchor, float[] start, double rate, double pull) {
    this.anchor = anchor;
    this.at = start.clone();
    this.mean = new float[start.length];
    this.square = new float[start.length];
    this.rate = rate;
    this.pull = pull;
  }

  /** Where it is; not to be written to. */
  float[] at() {
    return at;
  }

  /**
   * Passes over a gradient that it could not square: one minibatch is lost, where otherwise every
   * step after it would be. A step being at most a few rates long, weights then stay finite.
   *
   * @param share of {@code rate} to go by, in (0, 1]
   */
  void step(float[] gradient, double share) {
    for (float slope : gradient) {
      if (!Float.isFinite(slope * slope)) {
        return;
      }
    }
    steps++;
    double length = rate * share * Math.sqrt(1 - Math.pow(SECOND, steps));
    double unbiased = length / (1 - Math.pow(FIRST, steps));
    double back = rate * share * pull;
    for (int i = 0; i < at.length; i++) {
      mean[i] += (float) ((1 - FIRST) * (gradient[i] - mean[i]));
      square[i] += (float) ((1 - SECOND) * (gradient[i] * gradient[i] - square[i]));
      at[i] -=
          (float)
              (unbiased * mean[i] / (Math.sqrt(square[i]) + EPSILON) + back * (at[i] - anchor[i]));
    }
  }
}
