package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How the heads of one task are trained, whatever they are made of. Thread-safe. */
interface Fitter {

  /** A head in the form it is trained in. Immutable. */
  interface Trained {
    /** By class, of each of these features. */
    List<float[]> logits(List<float[]> features);

    /** The head that says {@code factor} times what this says, plus {@code shift}. */
    Trained scaled(double factor, double shift);

    boolean finite();

    /** By the name of the head graph's input they are fed to. */
    Map<String, Tensor> tensors();
  }

  /**
   * @throws IllegalArgumentException where it is not a head of this task
   */
  Trained of(Head head);

  /** A head without classes, to grow from. */
  Trained empty();

  /**
   * One head for each way to weight the same samples.
   *
   * @param live where it begins, and what to stay near
   * @param classes of the fitted heads, at least those of {@code live}, whose indexes they keep
   * @throws java.util.concurrent.CancellationException after {@link #cancel}
   */
  List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings);

  /**
   * What the heads of one fit all went on from.
   *
   * @param weights of the samples it was taught, none of which any of those heads leaves out
   */
  @SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
  record Common(Trained head, double[] weights) {}

  /** Of heads that one {@link #fit} made; empty where each began by itself. */
  default Optional<Common> common(List<Trained> fitted) {
    return Optional.empty();
  }

  /**
   * As {@link #fit}, after it, for samples that are nearly the same.
   *
   * @param fitted what it made, for each weighting
   * @param weightings for each of them, and one more for what is {@link #common}
   */
  default List<Trained> refit(
      Trained live, List<Trained> fitted, int classes, Batch batch, List<double[]> weightings) {
    return fit(live, classes, batch, weightings);
  }

  /**
   * Heads of one fit, and how far they went.
   *
   * @param way as a share of that from the live head to where they were fitted
   */
  record Settled(List<Trained> heads, double way) {}

  /**
   * How far heads that were fitted apart are to go.
   *
   * @param weightings by which each was fitted: what weighs nothing there tells
   */
  default Settled settled(
      Trained live, List<Trained> fitted, int classes, Batch batch, List<double[]> weightings) {
    return new Settled(fitted, 1);
  }

  /** Folds that are worth what their heads cost, of so many wanted. */
  default int folds(int wanted) {
    return wanted;
  }

  /** Whether samples that nobody labelled teach its heads anything. */
  default boolean learnsUnlabelled() {
    return false;
  }

  /** Whether what ships is made of the folds' heads alone, and none is trained on everything. */
  default boolean shipsFolds(Trained live) {
    return false;
  }

  /**
   * What to ship of the heads that one {@link #fit} made, as they {@linkplain #settled settled}.
   *
   * @param live what they began at
   * @param fitted the last was trained on everything, unless {@link #shipsFolds}
   */
  Trained blend(Trained live, List<Trained> fitted);

  /** Where heads are trained: {@code cpu} or {@code cuda:N}. */
  String device();

  /** Loads what is loaded at the first use, so that the first real fit does not wait for it. */
  void warmUp();

  /** Makes fits under way, and all to come, throw {@code CancellationException} soon. */
  void cancel();
}
