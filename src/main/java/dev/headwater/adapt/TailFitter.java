package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.TailTuner;
import dev.headwater.adapt.fit.Weights;
import dev.headwater.bundle.Task;
import dev.headwater.onnx.Parameter;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Trains heads of several layers. */
record TailFitter(Task task, TailTuner tuner) implements Fitter {
  /** Each fold costs a full training and delays the next one. */
  private static final int MAX_FOLDS = 2;

  /** Two folds would train on half of the images only, too few for rare classes. */
  private static final int MAX_TILE_FOLDS = 3;

  private record Deep(Weights weights, TailFitter fitter) implements Trained {
    @Override
    public List<float[]> logits(List<float[]> features) {
      Rows rows = new Rows(fitter.task.rowSize());
      return rows.together(features, fitter.tuner.logits(weights, rows.of(features)));
    }

    @Override
    public Trained scaled(double factor, double shift) {
      return new Deep(weights.scaled(fitter.task.split(), factor, shift), fitter);
    }

    @Override
    public boolean finite() {
      return weights.tensors().values().stream().allMatch(Tensor::finite);
    }

    @Override
    public Map<String, Tensor> tensors() {
      return weights.tensors();
    }
  }

  @Override
  public Trained of(Head head) {
    return new Deep(new Weights(head.tensors()), this);
  }

  @Override
  public Trained empty() {
    Map<String, Tensor> initial = new LinkedHashMap<>();
    for (String name : task.split().parameterNames()) {
      initial.put(name, Tensor.zeros(task.split().shape(name, 0)));
    }
    // initial weights for the hidden layers only: the last layer has no classes yet
    for (Parameter p : task.split().parameters()) {
      if (task.split().classAxis(p.name()) < 0) {
        initial.put(p.name(), new Tensor(p.shape(), p.values()));
      }
    }
    return new Deep(new Weights(initial), this);
  }

  @Override
  public List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings) {
    List<double[]> perRow = weightings.stream().map(weights -> rowWeights(batch, weights)).toList();
    return tuner.fit(((Deep) live).weights, classes, rows(batch), perRow).stream()
        .map(weights -> (Trained) new Deep(weights, this))
        .toList();
  }

  private Batch rows(Batch batch) {
    return batch.pixels() == null ? batch : new Rows(task.rowSize()).of(batch, batch.pixels());
  }

  private double[] rowWeights(Batch batch, double[] weights) {
    return batch.pixels() == null ? weights : new Rows(task.rowSize()).weights(batch, weights);
  }

  /**
   * Interpolates the heads halfway to the live head where that lowers their held-out loss: close to
   * the optimum, half a step has half the noise (WiSE-FT: Wortsman et al. 2022).
   *
   * <p>Regression heads always take the full step: their held-out samples include samples that the
   * live head was trained on. Multi-label heads do so too, because halving was not evaluated for
   * them.
   */
  @Override
  public Settled settled(
      Trained live, List<Trained> fitted, int classes, Batch batch, List<double[]> weightings) {
    Settled full = new Settled(fitted, 1);
    if (!shipsFolds(live) || batch.targets() != null) {
      return full;
    }
    Weights start = ((Deep) live).weights.grown(task.split(), classes);
    List<Trained> half = new ArrayList<>();
    for (Trained head : fitted) {
      half.add(new Deep(Weights.mean(List.of(start, ((Deep) head).weights)), this));
    }
    List<double[]> heldOut =
        weightings.stream().map(w -> rowWeights(batch, heldOut(batch, w))).toList();
    Batch rows = rows(batch);
    return loss(half, rows, heldOut) < loss(fitted, rows, heldOut) ? new Settled(half, .5) : full;
  }

  private static double[] heldOut(Batch batch, double[] weights) {
    double[] heldOut = batch.weights().clone();
    Arrays.setAll(heldOut, i -> weights[i] > 0 ? 0 : heldOut[i]);
    return heldOut;
  }

  private double loss(List<Trained> heads, Batch rows, List<double[]> heldOut) {
    double loss = 0;
    for (int i = 0; i < heads.size(); i++) {
      loss += tuner.loss(((Deep) heads.get(i)).weights, rows, heldOut.get(i));
    }
    return loss;
  }

  @Override
  public int folds(int wanted) {
    return Math.min(wanted, task.tiling().isEmpty() ? MAX_FOLDS : MAX_TILE_FOLDS);
  }

  /** Returns false for a first training: independent heads are too far apart to average weights. */
  @Override
  public boolean shipsFolds(Trained live) {
    return ((Deep) live).weights.begun();
  }

  /** Returns the mean of the weights: all have one start (model soups: Wortsman et al. 2022). */
  @Override
  public Trained blend(Trained live, List<Trained> fitted) {
    if (!shipsFolds(live)) {
      return fitted.get(fitted.size() - 1);
    }
    return new Deep(Weights.mean(fitted.stream().map(h -> ((Deep) h).weights).toList()), this);
  }

  @Override
  public String device() {
    return tuner.device();
  }

  @Override
  public void warmUp() {
    // the first fit loads the engine: a few seconds that delay no record
  }

  @Override
  public void cancel() {
    tuner.cancel();
  }
}
