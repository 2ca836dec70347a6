package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Trains the heads of one task. Thread-safe. */
interface Fitter {

  /** A head in its trainable form. Immutable. */
  interface Trained {
    /** Returns the logits of each feature vector, by class. */
    List<float[]> logits(List<float[]> features);

    /** Returns a head with the logits {@code factor} · x + {@code shift}, x being those of this. */
    Trained scaled(double factor, double shift);

    boolean finite();

    /** Returns the parameters by input name of the head graph. */
    Map<String, Tensor> tensors();
  }

  /**
   * Converts a head to its trainable form.
   *
   * @throws IllegalArgumentException if it is not a head of this task
   */
  Trained of(Head head);

  /** Returns a head without classes: the start of a first training. */
  Trained empty();

  /**
   * Trains one head per weighting of the same samples.
   *
   * @param live initial weights, and the target of the L2-SP penalty
   * @param classes number of classes of the fitted heads; those of {@code live} come first and keep
   *     their indexes
   * @param weightings sample weights, one array per head; weight 0 leaves a sample out
   * @throws java.util.concurrent.CancellationException after {@link #cancel}
   */
  List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings);

  /**
   * The intermediate head from which all heads of one fit started.
   *
   * @param weights sample weights that it was trained with; no sample with a weight is left out by
   *     any of those heads
   */
  @SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
  record Common(Trained head, double[] weights) {}

  /** Returns the shared start of heads from one {@link #fit}; empty if there was none. */
  default Optional<Common> common(List<Trained> fitted) {
    return Optional.empty();
  }

  /**
   * Trains again after {@link #fit}, on nearly the same samples.
   *
   * @param fitted the result of that fit, one head per weighting
   * @param weightings one per fitted head, plus one for the {@linkplain #common shared start} where
   *     there is one
   */
  default List<Trained> refit(
      Trained live, List<Trained> fitted, int classes, Batch batch, List<double[]> weightings) {
    return fit(live, classes, batch, weightings);
  }

  /**
   * Heads of one fit, interpolated between the live head and the fitted weights.
   *
   * @param way step size in (0, 1]: fraction of the way from the live head to the fitted weights
   */
  record Settled(List<Trained> heads, double way) {}

  /**
   * Interpolates the fitted heads with the live head.
   *
   * @param weightings sample weights of each fit; the step size is chosen on samples of weight 0
   */
  default Settled settled(
      Trained live, List<Trained> fitted, int classes, Batch batch, List<double[]> weightings) {
    return new Settled(fitted, 1);
  }

  /** Returns the number of folds to train, at most {@code wanted}: each fold costs a training. */
  default int folds(int wanted) {
    return wanted;
  }

  /** Returns whether its heads also train on pseudo-labels of unlabelled samples. */
  default boolean learnsUnlabelled() {
    return false;
  }

  /** Returns whether the candidate is the mean of the fold heads, without a head trained on all. */
  default boolean shipsFolds(Trained live) {
    return false;
  }

  /**
   * Combines the {@linkplain #settled interpolated} heads of one {@link #fit} into the candidate.
   *
   * @param live the head they started from
   * @param fitted the fold heads, and last the head trained on all samples unless {@link
   *     #shipsFolds}
   */
  Trained blend(Trained live, List<Trained> fitted);

  /** Returns the training device: {@code cpu} or {@code cuda:N}. */
  String device();

  /** Loads native libraries and kernels, so that the first fit does not wait for them. */
  void warmUp();

  /** Makes running and future fits throw {@code CancellationException} soon. */
  void cancel();
}
