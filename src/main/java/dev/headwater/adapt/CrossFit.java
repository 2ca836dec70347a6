package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.LinearHead;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A head trained on every sample, and what heads that did not train on them say of those to judge
 * it by (cross-fitting: Chernozhukov et al. 2018). All start from the live head, which has seen
 * none of the judged samples either: nothing leaks, and nothing is withheld from the head that
 * ships.
 *
 * @param head the mean of a head trained on everything and of the folds' heads, which are there
 *     anyway: it varies less than one alone (bagging: Breiman 1996)
 * @param judged indexes into the batch
 * @param logits of each judged sample under the fold that left it out
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record CrossFit(LinearHead head, int[] judged, List<float[]> logits) {

  /**
   * @param judged indexes into the batch of samples that {@code live} did not train on
   */
  static CrossFit of(
      FineTuner tuner, LinearHead live, int classes, Batch batch, int[] judged, int folds) {
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
    List<LinearHead> heads = tuner.fit(live, classes, batch, weightings);
    List<float[]> logits = new ArrayList<>();
    for (int i = 0; scorable && i < judged.length; i++) {
      logits.add(heads.get(i % count).logits(batch.features().get(judged[i])));
    }
    return new CrossFit(LinearHead.mean(heads), scorable ? judged : new int[0], logits);
  }
}
