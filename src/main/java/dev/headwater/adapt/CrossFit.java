package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A candidate trained on every sample, and out-of-fold logits to evaluate it by (cross-fitting:
 * Chernozhukov et al. 2018).
 *
 * <p>All heads start from the live head, which has not seen the held-out samples either. So nothing
 * leaks except the step size, and the candidate still trains on every sample.
 *
 * @param head the candidate: a combination of the fold heads and, unless the fitter needs none, a
 *     head trained on all samples
 * @param folds the fold heads, each trained without some of the held-out samples, and their step
 *     size
 * @param judged indexes of the held-out samples in the batch
 * @param logits of each held-out sample, from the fold head that did not train on it
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record CrossFit(Fitter.Trained head, Fitter.Settled folds, int[] judged, List<float[]> logits) {

  /**
   * @param unlabelled features of unlabelled samples; none of them is evaluated
   * @param heldOut batch indexes of samples that {@code live} did not train on
   * @param folds maximum number of folds; held-out samples are assigned round-robin
   */
  static CrossFit of(
      Fitter fitter,
      Fitter.Trained live,
      int classes,
      Batch batch,
      List<float[]> unlabelled,
      int[] heldOut,
      int folds) {
    int count = Math.min(folds, heldOut.length);
    List<double[]> weightings = new ArrayList<>();
    for (int fold = 0; fold < count; fold++) {
      double[] weights = batch.weights().clone();
      for (int i = fold; i < heldOut.length; i += count) {
        weights[heldOut[i]] = 0;
      }
      weightings.add(weights);
    }
    // a fold that holds out the only sample has nothing to train on
    weightings.removeIf(weights -> Arrays.stream(weights).sum() == 0);
    boolean everyFoldTrainable = weightings.size() == count;
    if (weightings.isEmpty() || !fitter.shipsFolds(live)) {
      weightings.add(batch.weights());
    }
    List<Fitter.Trained> heads;
    if (fitter.learnsUnlabelled()) {
      heads = fitter.fit(live, classes, batch, weightings);
      List<Fitter.Trained> teachers = new ArrayList<>(heads);
      fitter
          .common(heads)
          .ifPresent(
              start -> {
                teachers.add(start.head());
                weightings.add(start.weights());
              });
      SelfTraining extended = SelfTraining.of(batch, unlabelled, live, teachers, weightings);
      if (extended.taken() > 0) {
        heads = fitter.refit(live, heads, classes, extended.batch(), extended.weightings());
      }
    } else {
      SelfTraining extended = SelfTraining.withUnlabelled(batch, unlabelled, live, weightings);
      heads = fitter.fit(live, classes, extended.batch(), extended.weightings());
    }
    Fitter.Settled stepped = fitter.settled(live, heads, classes, batch, weightings);
    Fitter.Trained head = fitter.blend(live, stepped.heads());
    if (!everyFoldTrainable) {
      return new CrossFit(head, new Fitter.Settled(List.of(), 1), new int[0], List.of());
    }
    List<float[]> features = Arrays.stream(heldOut).mapToObj(i -> batch.features().get(i)).toList();
    List<Fitter.Trained> foldHeads = stepped.heads().subList(0, count);
    return new CrossFit(
        head, new Fitter.Settled(foldHeads, stepped.way()), heldOut, inTurn(foldHeads, features));
  }

  /** Returns the logits of each vector; vector i is scored by head i modulo the number of heads. */
  static List<float[]> inTurn(List<Fitter.Trained> heads, List<float[]> features) {
    float[][] logits = new float[features.size()][];
    for (int turn = 0; turn < heads.size(); turn++) {
      List<float[]> share = new ArrayList<>();
      for (int i = turn; i < features.size(); i += heads.size()) {
        share.add(features.get(i));
      }
      List<float[]> shareLogits = heads.get(turn).logits(share);
      for (int i = 0; i < shareLogits.size(); i++) {
        logits[turn + i * heads.size()] = shareLogits.get(i);
      }
    }
    return List.of(logits);
  }
}
