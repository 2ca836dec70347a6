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
 * Heads with several rows of weights a label. Each label's samples are split into clusters, and the
 * rows learn to tell all clusters apart as if they were labels; nothing is as sure of a label as
 * all its rows together. Rows are found anew each time, for clusters have no names to keep.
 */
record SubclassFitter(Task task, FineTuner tuner) implements Fitter {
  /** Of a row that no cluster needs: e to the power of this is 0. */
  private static final float UNUSED = -10_000;

  /**
   * @param rows of all labels' first subclasses, then of their second, ...
   * @param factor of the labels' logits
   * @param common what the heads of one fit went on from; null of a head that none was fitted for
   */
  private record Subclassed(
      LinearHead rows, float factor, @Nullable Common common, SubclassFitter fitter)
      implements Trained {
    @Override
    public List<float[]> logits(List<float[]> features) {
      return fitter.tuner.logits(rows, features).stream().map(this::together).toList();
    }

    private float[] together(float[] said) {
      float[] logits = new float[said.length / fitter.task.subclasses()];
      for (int c = 0; c < logits.length; c++) {
        double most = Double.NEGATIVE_INFINITY;
        for (int row = c; row < said.length; row += logits.length) {
          most = Math.max(most, said[row]);
        }
        double sum = 0;
        for (int row = c; row < said.length; row += logits.length) {
          sum += Math.exp(said[row] - most);
        }
        logits[c] = (float) (factor * (most + Math.log(sum)));
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
   * Clusters are of what every one of these heads may see and somebody labelled, and so are the
   * rows that all go on from: a fold knows nothing of what it is to judge. Where that is nothing,
   * each label has one row.
   */
  @Override
  public List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings) {
    return fit(classes, batch, weightings, least(batch.weights(), weightings));
  }

  @Override
  public Optional<Common> common(List<Trained> fitted) {
    return Optional.ofNullable(((Subclassed) fitted.get(0)).common);
  }

  /**
   * Clusters are, beside that, of what nobody labelled, where what all heads went on from is sure
   * of its label, however little that weighs: it knows nothing of what a fold is to judge either.
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
   * @param seen weights by which clusters are found, and the rows that all heads go on from
   */
  private List<Trained> fit(int classes, Batch batch, List<double[]> weightings, double[] seen) {
    Subclasses found = Subclasses.of(batch.weighted(seen), classes, task.subclasses());
    Batch finer = new Batch(batch.features(), found.samples(), batch.weights());
    LinearHead rows = LinearHead.empty(dim());
    Common common = null;
    if (Arrays.stream(seen).anyMatch(weight -> weight > 0)) {
      rows = tuner.fit(rows, found.count(), finer.weighted(seen));
      common = new Common(placed(rows, found, classes, null), seen);
    }
    List<Trained> heads = new ArrayList<>();
    for (LinearHead fitted : tuner.fit(rows, found.count(), finer, weightings)) {
      heads.add(placed(fitted, found, classes, common));
    }
    return heads;
  }

  private static double[] least(double[] own, List<double[]> weightings) {
    double[] least = own.clone();
    for (double[] weights : weightings) {
      for (int i = 0; i < least.length; i++) {
        least[i] = Math.min(least[i], weights[i]);
      }
    }
    return least;
  }

  private Subclassed placed(
      LinearHead fitted, Subclasses found, int classes, @Nullable Common common) {
    int rows = task.subclasses() * classes;
    float[] weight = new float[rows * dim()];
    float[] bias = new float[rows];
    Arrays.fill(bias, UNUSED);
    int[] taken = new int[classes];
    for (int from = 0; from < found.count(); from++) {
      int label = found.classes()[from];
      int to = taken[label]++ * classes + label;
      System.arraycopy(fitted.weight(), from * dim(), weight, to * dim(), dim());
      bias[to] = fitted.bias()[from];
    }
    return new Subclassed(new LinearHead(rows, dim(), weight, bias), 1, common, this);
  }

  @Override
  public boolean learnsUnlabelled() {
    return true;
  }

  /** Their mean, as of linear heads: one fit gives all of them the same clusters. */
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
