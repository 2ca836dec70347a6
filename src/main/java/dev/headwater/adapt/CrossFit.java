package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A head trained on every sample, and what heads that did not train on them say of those to judge
 * it by (cross-fitting: Chernozhukov et al. 2018). All start from the live head, which has seen
 * none of the judged samples either: nothing leaks, and nothing is withheld from the head that
 * ships.
 *
 * @param head to ship: of the one trained on everything and the folds' heads, which are there
 *     anyway
 * @param judged indexes into the batch
 * @param logits of each judged sample under the fold that left it out
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record CrossFit(Fitter.Trained head, int[] judged, List<float[]> logits) {

  /**
   * @param judged indexes into the batch of samples that {@code live} did not train on
   */
  static CrossFit of(
      Fitter fitter, Fitter.Trained live, int classes, Batch batch, int[] judged, int folds) {
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
    weightings.add(batch.weights());
    List<Fitter.Trained> heads = fitter.fit(live, classes, batch, weightings);
    return scorable
        ? new CrossFit(fitter.blend(heads), judged, leftOut(heads, batch, judged, count))
        : new CrossFit(fitter.blend(heads), new int[0], List.of());
  }

  private static List<float[]> leftOut(
      List<Fitter.Trained> heads, Batch batch, int[] judged, int count) {
    float[][] logits = new float[judged.length][];
    for (int fold = 0; fold < count; fold++) {
      List<float[]> features = new ArrayList<>();
      for (int i = fold; i < judged.length; i += count) {
        features.add(batch.features().get(judged[i]));
      }
      List<float[]> said = heads.get(fold).logits(features);
      for (int i = fold; i < judged.length; i += count) {
        logits[i] = said.get(i / count);
      }
    }
    return List.of(logits);
  }
}
