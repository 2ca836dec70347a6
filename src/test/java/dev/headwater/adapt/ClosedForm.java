package dev.headwater.adapt;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import java.nio.DoubleBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Heads that are solved for and not stepped to, from sums over all samples: what a stream of
 * updates of those sums would give.
 *
 * @param layout of the network's own head
 * @param source records whose label the network's own head was asked for, as what it knows
 * @param width how many random features a record is lifted to; 0 for the features themselves
 * @param solution of the sums
 */
record ClosedForm(HeadLayout layout, Batch source, int width, Solution solution)
    implements PlainFitter {
  /** Of the mean variance; one is chosen on samples held out for that, as RanPAC does. */
  private static final double[] PENALTIES = {1e-4, 1e-3, 1e-2, 1e-1, 1};

  private static final int HELD_OUT = 5;

  /** From samples to a head on the same features. */
  interface Solution {
    LinearHead solve(Batch samples, int count, double penalty);
  }

  /**
   * Streaming linear discriminant analysis (Deep SLDA: Hayes and Kanan 2020), its covariance shrunk
   * towards a ball.
   */
  static ClosedForm lda(HeadLayout layout, Batch source) {
    return new ClosedForm(layout, source, 0, ClosedForm::lda);
  }

  /** Ridge regression on one-hot labels. */
  static ClosedForm ridge(HeadLayout layout, Batch source) {
    return new ClosedForm(layout, source, 0, ClosedForm::ridge);
  }

  /** Ridge regression on random features of the features (RanPAC: McDonnell et al. 2023). */
  static ClosedForm randomProjection(HeadLayout layout, Batch source, int width) {
    return new ClosedForm(layout, source, width, ClosedForm::ridge);
  }

  private record Solved(LinearHead head, ClosedForm fitter) implements Trained {
    @Override
    public List<float[]> logits(List<float[]> features) {
      boolean own = head.dim() == fitter.layout.dim();
      return features.stream().map(f -> head.logits(own ? f : fitter.lifted(f))).toList();
    }

    @Override
    public Trained scaled(double factor, double shift) {
      return new Solved(head.scaled(factor, shift), fitter);
    }

    @Override
    public boolean finite() {
      return head.finite();
    }

    @Override
    public Map<String, Tensor> tensors() {
      return new HeadLayout(fitter.layout.layer(), head.dim()).tensors(head);
    }
  }

  @Override
  public Trained of(Head head) {
    int classes = head.info().labels().size();
    int dim = head.tensors().get(layout.layer().weight()).values().length / classes;
    return new Solved(new HeadLayout(layout.layer(), dim).linear(head), this);
  }

  @Override
  public Trained empty() {
    return new Solved(LinearHead.empty(layout.dim()), this);
  }

  @Override
  public List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings) {
    JniUtils.setNumThreads(1);
    List<float[]> features = new ArrayList<>();
    source.features().forEach(f -> features.add(lifted(f)));
    batch.features().forEach(f -> features.add(lifted(f)));
    int[] all = join(source.classes(), batch.classes());
    List<Batch> sets = new ArrayList<>();
    for (double[] weights : weightings) {
      double[] counts = new double[all.length];
      Arrays.fill(counts, 0, source.size(), 1);
      System.arraycopy(weights, 0, counts, source.size(), weights.length);
      sets.add(used(new Batch(features, all, counts), i -> counts[i] > 0));
    }
    double penalty = penalty(sets.get(sets.size() - 1), classes);
    return sets.stream()
        .map(set -> (Trained) new Solved(solution.solve(set, classes, penalty), this))
        .toList();
  }

  private double penalty(Batch samples, int classes) {
    Batch kept = used(samples, i -> i % HELD_OUT != 0);
    double chosen = PENALTIES[0];
    double most = -1;
    for (double penalty : PENALTIES) {
      LinearHead head = solution.solve(kept, classes, penalty);
      double right = 0;
      for (int i = 0; i < samples.size(); i += HELD_OUT) {
        boolean hit = head.best(samples.features().get(i)) == samples.classes()[i];
        right += hit ? samples.weights()[i] : 0;
      }
      if (right > most) {
        most = right;
        chosen = penalty;
      }
    }
    return chosen;
  }

  private static Batch used(Batch batch, IntPredicate use) {
    int[] used = IntStream.range(0, batch.size()).filter(use).toArray();
    return new Batch(
        Arrays.stream(used).mapToObj(batch.features()::get).toList(),
        Arrays.stream(used).map(i -> batch.classes()[i]).toArray(),
        Arrays.stream(used).mapToDouble(i -> batch.weights()[i]).toArray());
  }

  private static int[] join(int[] a, int[] b) {
    int[] joined = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, joined, a.length, b.length);
    return joined;
  }

  /** The same projection for every record and every fit. */
  private float[] lifted(float[] features) {
    if (width == 0) {
      return features;
    }
    float[] projection = Projection.of(features.length, width);
    float[] lifted = new float[width];
    double norm = 0;
    for (float f : features) {
      norm += f * f;
    }
    // of any backbone's units: a record's length is no evidence of its class
    float scale = (float) (1 / Math.sqrt(Math.max(1e-12, norm)));
    for (int w = 0; w < width; w++) {
      float sum = 0;
      for (int d = 0; d < features.length; d++) {
        sum += projection[w * features.length + d] * features[d];
      }
      lifted[w] = Math.max(0, sum * scale);
    }
    return lifted;
  }

  private static final class Projection {
    private static float[] last = new float[0];

    static synchronized float[] of(int dim, int width) {
      if (last.length != dim * width) {
        Random random = new Random(7);
        last = new float[dim * width];
        for (int i = 0; i < last.length; i++) {
          last[i] = (float) random.nextGaussian();
        }
      }
      return last;
    }
  }

  private static LinearHead lda(Batch samples, int count, double shrinkage) {
    List<float[]> features = samples.features();
    int[] classes = samples.classes();
    double[] weights = samples.weights();
    int dim = features.get(0).length;
    double[] total = new double[count];
    double[] mean = new double[count * dim];
    for (int i = 0; i < classes.length; i++) {
      total[classes[i]] += weights[i];
      for (int d = 0; d < dim; d++) {
        mean[classes[i] * dim + d] += weights[i] * features.get(i)[d];
      }
    }
    for (int i = 0; i < mean.length; i++) {
      mean[i] /= Math.max(1e-12, total[i / dim]);
    }
    double sum = Arrays.stream(weights).sum();
    double[] off = new double[classes.length * dim];
    double trace = 0;
    for (int i = 0; i < classes.length; i++) {
      for (int d = 0; d < dim; d++) {
        double difference = features.get(i)[d] - mean[classes[i] * dim + d];
        off[i * dim + d] = difference * Math.sqrt(weights[i] / sum);
        trace += off[i * dim + d] * off[i * dim + d];
      }
    }
    try (NDManager scope = Engine.getEngine("PyTorch").newBaseManager()) {
      NDArray scatter = array(scope, off, classes.length, dim);
      NDArray covariance = scatter.transpose().matMul(scatter).mul(1 - shrinkage);
      NDArray precision =
          covariance
              .add(
                  scope
                      .eye(dim)
                      .toType(covariance.getDataType(), false)
                      .mul(shrinkage * trace / dim))
              .inverse();
      double[] weight = array(scope, mean, count, dim).matMul(precision).toDoubleArray();
      float[] rows = new float[count * dim];
      float[] bias = new float[count];
      for (int c = 0; c < count; c++) {
        double half = 0;
        for (int d = 0; d < dim; d++) {
          rows[c * dim + d] = (float) weight[c * dim + d];
          half += weight[c * dim + d] * mean[c * dim + d] / 2;
        }
        bias[c] = total[c] == 0 ? -1e6f : (float) -half;
      }
      return new LinearHead(count, dim, rows, bias);
    }
  }

  private static LinearHead ridge(Batch samples, int count, double penalty) {
    int dim = samples.features().get(0).length;
    int n = samples.size();
    double[] rows = new double[n * (dim + 1)];
    double[] wanted = new double[n * count];
    for (int i = 0; i < n; i++) {
      for (int d = 0; d < dim; d++) {
        rows[i * (dim + 1) + d] = samples.features().get(i)[d];
      }
      rows[i * (dim + 1) + dim] = 1;
      wanted[i * count + samples.classes()[i]] = 1;
    }
    try (NDManager scope = Engine.getEngine("PyTorch").newBaseManager()) {
      NDArray x = array(scope, rows, n, dim + 1);
      NDArray weighted = x.mul(array(scope, samples.weights(), n, 1)).transpose();
      NDArray gram = weighted.matMul(x);
      NDArray ball = scope.eye(dim + 1).toType(gram.getDataType(), false);
      double mean = gram.mul(ball).sum().toDoubleArray()[0] / (dim + 1);
      NDArray inverse = gram.add(ball.mul(penalty * mean)).inverse();
      NDArray y = array(scope, wanted, n, count);
      double[] solved = inverse.matMul(weighted.matMul(y)).toDoubleArray();
      LinearHead head = new LinearHead(count, dim, new float[count * dim], new float[count]);
      for (int c = 0; c < count; c++) {
        for (int d = 0; d < dim; d++) {
          head.weight()[c * dim + d] = (float) solved[d * count + c];
        }
        head.bias()[c] = (float) solved[dim * count + c];
      }
      return head;
    }
  }

  private static NDArray array(NDManager scope, double[] values, int rows, int columns) {
    return scope.create(DoubleBuffer.wrap(values), new Shape(rows, columns));
  }

  @Override
  public Trained blend(Trained live, List<Trained> fitted) {
    return fitted.get(fitted.size() - 1);
  }
}
