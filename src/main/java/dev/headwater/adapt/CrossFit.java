package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A head that every sample taught, and what heads that did not train on them say of those to judge
 * it by (cross-fitting: Chernozhukov et al. 2018). All start from the live head, which has seen
 * none of the judged samples either: nothing leaks, and nothing is withheld from the head that
 * ships.
 *
 * @param head to ship: of the folds' heads, which are there anyway, and one trained on everything,
 *     unless the fitter can do without
 * @param judged indexes into the batch
 * @param logits of each judged sample under the fold that left it out
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record CrossFit(Fitter.Trained head, int[] judged, List<float[]> logits) {

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
    List<Fitter.Trained> heads = fitter.fit(live, classes, batch, weightings);
    List<Fitter.Trained> asked = new ArrayList<>(heads);
    fitter
        .common(heads)
        .ifPresent(
            common -> {
              asked.add(common.head());
              weightings.add(common.weights());
            });
    SelfTraining more = SelfTraining.of(batch, unlabelled, asked, weightings);
    if (more.taken() > 0) {
      heads = fitter.refit(live, heads, classes, more.batch(), more.weightings());
    }
    return scorable
        ? new CrossFit(
            fitter.blend(live, heads), judged, logits(heads.subList(0, count), batch, judged))
        : new CrossFit(fitter.blend(live, heads), new int[0], List.of());
  }

  private static List<float[]> logits(List<Fitter.Trained> heads, Batch batch, int[] judged) {
    float[][] logits = new float[judged.length][];
    for (int fold = 0; fold < heads.size(); fold++) {
      List<float[]> left = new ArrayList<>();
      for (int i = fold; i < judged.length; i += heads.size()) {
        left.add(batch.features().get(judged[i]));
      }
      List<float[]> said = heads.get(fold).logits(left);
      for (int i = 0; i < said.size(); i++) {
        logits[fold + i * heads.size()] = said.get(i);
      }
    }
    return List.of(logits);
  }
}
