package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A head that every sample taught, and what heads that did not train on them say of those to judge
 * it by (cross-fitting: Chernozhukov et al. 2018). All start from the live head, which has seen
 * none of the judged samples either, or go on from where an earlier fit with the same folds left
 * them: nothing leaks, and nothing is withheld from the head that ships.
 *
 * @param head to ship: of the folds' heads, which are there anyway, and one trained on everything,
 *     unless the fitter can do without
 * @param heads of the folds, then that trained on everything, if there is one
 * @param judged indexes into the batch
 * @param logits of each judged sample under the fold that left it out
 */
@SuppressWarnings("ArrayRecordComponent") // bulk numbers, never compared
record CrossFit(
    Fitter.Trained head, List<Fitter.Trained> heads, int[] judged, List<float[]> logits) {

  /**
   * @param earlier the heads of an earlier fit, whose folds left out the same samples; or none
   * @param unlabelled features of samples that nobody has labelled; none of them is judged
   * @param judged indexes into the batch of samples that {@code live} did not train on
   * @param folds the fold that leaves out each judged sample
   */
  static CrossFit of(
      Fitter fitter,
      Fitter.Trained live,
      List<Fitter.Trained> earlier,
      int classes,
      Batch batch,
      List<float[]> unlabelled,
      int[] judged,
      int[] folds) {
    int count = Arrays.stream(folds).max().orElse(-1) + 1;
    List<double[]> weightings = new ArrayList<>();
    for (int fold = 0; fold < count; fold++) {
      double[] weights = batch.weights().clone();
      for (int i : leftOut(folds, fold)) {
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
    List<Fitter.Trained> starts =
        earlier.size() == weightings.size()
            ? earlier
            : Collections.nCopies(weightings.size(), live);
    List<Fitter.Trained> heads = fitter.fit(live, starts, classes, batch, weightings);
    SelfTraining more = SelfTraining.of(batch, unlabelled, heads, weightings);
    if (more.taken() > 0) {
      heads = fitter.refit(live, heads, classes, more.batch(), more.weightings());
    }
    return scorable
        ? new CrossFit(
            fitter.blend(live, heads),
            heads,
            judged,
            logits(heads.subList(0, count), batch, judged, folds))
        : new CrossFit(fitter.blend(live, heads), List.of(), new int[0], List.of());
  }

  private static int[] leftOut(int[] folds, int fold) {
    return IntStream.range(0, folds.length).filter(i -> folds[i] == fold).toArray();
  }

  private static List<float[]> logits(
      List<Fitter.Trained> heads, Batch batch, int[] judged, int[] folds) {
    float[][] logits = new float[judged.length][];
    for (int fold = 0; fold < heads.size(); fold++) {
      int[] left = leftOut(folds, fold);
      List<float[]> said =
          heads
              .get(fold)
              .logits(Arrays.stream(left).mapToObj(i -> batch.features().get(judged[i])).toList());
      for (int i = 0; i < left.length; i++) {
        logits[left[i]] = said.get(i);
      }
    }
    return List.of(logits);
  }
}
