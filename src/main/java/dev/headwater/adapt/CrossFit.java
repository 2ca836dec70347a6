package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A head that every sample taught, and what heads that did not train on them say of those to judge
 * it by (cross-fitting: Chernozhukov et al. 2018). All start from the live head, which has seen
 * none of the judged samples either: nothing leaks but how far they go, and nothing is withheld
 * from the head that ships.
 *
 * @param head to ship: of the folds' heads, which are there anyway, and one trained on everything,
 *     unless the fitter can do without
 * @param folds heads that each left out some of the judged samples, and how far they went
 * @param judged indexes into the batch
 * @param logits of each judged sample under the fold that left it out
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record CrossFit(Fitter.Trained head, Fitter.Settled folds, int[] judged, List<float[]> logits) {

  /**
   * @param unlabelled features of samples that nobody has labelled; none of them is judged
   * @param judged indexes into the batch of samples that {@code live} did not train on
   * @param folds at most, which leave out one judged sample after the other
   */
  static CrossFit of(
      Fitter fitter,
      Fitter.Trained live,
      int classes,
      Batch batch,
      List<float[]> unlabelled,
      int[] judged,
      int folds) {
    int count = Math.min(folds, judged.length);
    List<double[]> weightings = new ArrayList<>();
    for (int fold = 0; fold < count; fold++) {
      double[] weights = batch.weights().clone();
      for (int i = fold; i < judged.length; i += count) {
        weights[judged[i]] = 0;
      }
      weightings.add(weights);
    }
    // one sample alone leaves nothing to train its fold on
    weightings.removeIf(weights -> Arrays.stream(weights).sum() == 0);
    boolean scorable = weightings.size() == count;
    if (weightings.isEmpty() || !fitter.shipsFolds(live)) {
      weightings.add(batch.weights());
    }
    List<Fitter.Trained> heads;
    if (fitter.learnsUnlabelled()) {
      heads = fitter.fit(live, classes, batch, weightings);
      List<Fitter.Trained> asked = new ArrayList<>(heads);
      fitter
          .common(heads)
          .ifPresent(
              common -> {
                asked.add(common.head());
                weightings.add(common.weights());
              });
      SelfTraining more = SelfTraining.of(batch, unlabelled, live, asked, weightings);
      if (more.taken() > 0) {
        heads = fitter.refit(live, heads, classes, more.batch(), more.weightings());
      }
    } else {
      SelfTraining kept = SelfTraining.ofUntold(batch, unlabelled, live, weightings);
      heads = fitter.fit(live, classes, kept.batch(), kept.weightings());
    }
    Fitter.Settled settled = fitter.settled(live, heads, classes, batch, weightings);
    Fitter.Trained head = fitter.blend(live, settled.heads());
    if (!scorable) {
      return new CrossFit(head, new Fitter.Settled(List.of(), 1), new int[0], List.of());
    }
    List<float[]> left = Arrays.stream(judged).mapToObj(i -> batch.features().get(i)).toList();
    List<Fitter.Trained> apart = settled.heads().subList(0, count);
    return new CrossFit(
        head, new Fitter.Settled(apart, settled.way()), judged, inTurn(apart, left));
  }

  /** What heads that take turns say of these features. */
  static List<float[]> inTurn(List<Fitter.Trained> heads, List<float[]> features) {
    float[][] logits = new float[features.size()][];
    for (int turn = 0; turn < heads.size(); turn++) {
      List<float[]> asked = new ArrayList<>();
      for (int i = turn; i < features.size(); i += heads.size()) {
        asked.add(features.get(i));
      }
      List<float[]> said = heads.get(turn).logits(asked);
      for (int i = 0; i < said.size(); i++) {
        logits[turn + i * heads.size()] = said.get(i);
      }
    }
    return List.of(logits);
  }
}
