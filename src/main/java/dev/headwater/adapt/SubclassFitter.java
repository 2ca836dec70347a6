package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.adapt.fit.Subclasses;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Trains heads with several rows of weights per label. The samples of each label are split into
 * clusters, and the rows are trained as a classifier of all clusters. The logit of a label is the
 * log-sum-exp of its rows. Clusters are recomputed for each training, because they have no stable
 * identity.
 */
record SubclassFitter(Task task, FineTuner tuner) implements Fitter {
  /** Bias of an unused row: its exponential is 0. */
  private static final float UNUSED_BIAS = -10_000;

  /**
   * A head in its trainable form.
   *
   * @param rows rows of the first subclass of each label, then of the second, and so on
   * @param factor factor of the labels' logits
   * @param sharedStart shared start of the heads of one fit; null for any other head
   */
  private record Subclassed(
      LinearHead rows, float factor, @Nullable Common sharedStart, SubclassFitter fitter)
      implements Trained {
    @Override
    public List<float[]> logits(List<float[]> features) {
      return fitter.tuner.logits(rows, features).stream().map(this::logSumExp).toList();
    }

    private float[] logSumExp(float[] rowLogits) {
      float[] logits = new float[rowLogits.length / fitter.task.subclasses()];
      for (int c = 0; c < logits.length; c++) {
        double max = Double.NEGATIVE_INFINITY;
        for (int row = c; row < rowLogits.length; row += logits.length) {
          max = Math.max(max, rowLogits[row]);
        }
        double sum = 0;
        for (int row = c; row < rowLogits.length; row += logits.length) {
          sum += Math.exp(rowLogits[row] - max);
        }
        logits[c] = (float) (factor * (max + Math.log(sum)));
      }
      return logits;
    }

    @Override
    public Trained scaled(double by, double shift) {
      float scaled = (float) (factor * by);
      float[] bias = rows.bias().clone();
      for (int row = 0; row < bias.length; row++) {
        bias[row] += (float) (shift / scaled);
      }
      LinearHead shifted = new LinearHead(rows.classes(), rows.dim(), rows.weight(), bias);
      return new Subclassed(shifted, scaled, null, fitter);
    }

    @Override
    public boolean finite() {
      return rows.finite() && Float.isFinite(factor);
    }

    @Override
    public Map<String, Tensor> tensors() {
      int count = fitter.task.subclasses();
      int classes = rows.classes() / count;
      float[] weight = HeadLayout.transposed(rows.weight(), count, classes, rows.dim());
      List<String> names = fitter.task.split().parameterNames();
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put(names.get(0), new Tensor(new long[] {1}, new float[] {factor}));
      tensors.put(names.get(1), new Tensor(new long[] {count, rows.dim(), classes}, weight));
      tensors.put(names.get(2), new Tensor(new long[] {count, 1, classes}, rows.bias().clone()));
      return tensors;
    }
  }

  @Override
  public Trained of(Head head) {
    List<String> names = task.split().parameterNames();
    float[] factor = HeadLayout.tensor(head, names.get(0));
    float[] weight = HeadLayout.tensor(head, names.get(1));
    float[] bias = HeadLayout.tensor(head, names.get(2));
    int classes = head.info().labels().size();
    return new Subclassed(
        new LinearHead(
            task.subclasses() * classes,
            dim(),
            HeadLayout.transposed(weight, task.subclasses(), dim(), classes),
            bias.clone()),
        factor[0],
        null,
        this);
  }

  private int dim() {
    return task.split().dim();
  }

  @Override
  public Trained empty() {
    return new Subclassed(LinearHead.empty(dim()), 1, null, this);
  }

  /**
   * Clusters the labelled samples that no head leaves out, and trains the shared start on them. So
   * a fold head has no information about its held-out samples. Where there are no such samples,
   * each label has one row.
   */
  @Override
  public List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings) {
    return fit(classes, batch, weightings, minimum(batch.weights(), weightings));
  }

  @Override
  public Optional<Common> common(List<Trained> fitted) {
    return Optional.ofNullable(((Subclassed) fitted.get(0)).sharedStart);
  }

  /**
   * Clusters also contain the unlabelled samples that the shared start predicts with confidence,
   * whatever their weight. The shared start has no information about held-out samples either.
   */
  @Override
  public List<Trained> refit(
      Trained live, List<Trained> fitted, int classes, Batch batch, List<double[]> weightings) {
    int heads = fitted.size();
    return heads < weightings.size()
        ? fit(classes, batch, weightings.subList(0, heads), weightings.get(heads))
        : fit(live, classes, batch, weightings);
  }

  /**
   * @param seen sample weights for clustering and for the shared start
   */
  private List<Trained> fit(int classes, Batch batch, List<double[]> weightings, double[] seen) {
    Subclasses clusters = Subclasses.of(batch.weighted(seen), classes, task.subclasses());
    Batch clustered = new Batch(batch.features(), clusters.samples(), batch.weights());
    LinearHead rows = LinearHead.empty(dim());
    Common sharedStart = null;
    if (Arrays.stream(seen).anyMatch(weight -> weight > 0)) {
      rows = tuner.fit(rows, clusters.count(), clustered.weighted(seen));
      sharedStart = new Common(arranged(rows, clusters, classes, null), seen);
    }
    List<Trained> heads = new ArrayList<>();
    for (LinearHead fitted : tuner.fit(rows, clusters.count(), clustered, weightings)) {
      heads.add(arranged(fitted, clusters, classes, sharedStart));
    }
    return heads;
  }

  /** Returns the elementwise minimum: positive where no head leaves the sample out. */
  private static double[] minimum(double[] own, List<double[]> weightings) {
    double[] minimum = own.clone();
    for (double[] weights : weightings) {
      for (int i = 0; i < minimum.length; i++) {
        minimum[i] = Math.min(minimum[i], weights[i]);
      }
    }
    return minimum;
  }

  private Subclassed arranged(
      LinearHead fitted, Subclasses clusters, int classes, @Nullable Common sharedStart) {
    int rows = task.subclasses() * classes;
    float[] weight = new float[rows * dim()];
    float[] bias = new float[rows];
    Arrays.fill(bias, UNUSED_BIAS);
    int[] rowsOfLabel = new int[classes];
    for (int from = 0; from < clusters.count(); from++) {
      int label = clusters.classes()[from];
      int to = rowsOfLabel[label]++ * classes + label;
      System.arraycopy(fitted.weight(), from * dim(), weight, to * dim(), dim());
      bias[to] = fitted.bias()[from];
    }
    return new Subclassed(new LinearHead(rows, dim(), weight, bias), 1, sharedStart, this);
  }

  @Override
  public boolean learnsUnlabelled() {
    return true;
  }

  /** Returns the ensemble mean: all heads of one fit have the same clusters. */
  @Override
  public Trained blend(Trained live, List<Trained> fitted) {
    List<LinearHead> rows = fitted.stream().map(head -> ((Subclassed) head).rows).toList();
    return new Subclassed(LinearHead.mean(rows), 1, null, this);
  }

  @Override
  public String device() {
    return tuner.device();
  }

  @Override
  public void warmUp() {
    tuner.warmUp(task.rowSize());
  }

  @Override
  public void cancel() {
    tuner.cancel();
  }
}
