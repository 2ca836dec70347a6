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

/** Heads of several layers. */
record TailFitter(Task task, TailTuner tuner) implements Fitter {
  /** Each costs a training of its own, and the next one comes the later. */
  private static final int FOLDS = 2;

  /** With one fewer, each would have seen half of the few pictures there are of what is rare. */
  private static final int TILE_FOLDS = 3;

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
    // of a new head the hidden layers only: the last has no classes yet
    for (Parameter p : task.split().parameters()) {
      if (task.split().classAxis(p.name()) < 0) {
        initial.put(p.name(), new Tensor(p.shape(), p.values()));
      }
    }
    return new Deep(new Weights(initial), this);
  }

  @Override
  public List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings) {
    List<double[]> counts = weightings.stream().map(weights -> counts(batch, weights)).toList();
    return tuner.fit(((Deep) live).weights, classes, rows(batch), counts).stream()
        .map(weights -> (Trained) new Deep(weights, this))
        .toList();
  }

  private Batch rows(Batch batch) {
    return batch.pixels() == null ? batch : new Rows(task.rowSize()).of(batch, batch.pixels());
  }

  private double[] counts(Batch batch, double[] weights) {
    return batch.pixels() == null ? weights : new Rows(task.rowSize()).weights(batch, weights);
  }

  /**
   * They go half the way where that loses less on what they left out: near where they are going,
   * half a step has half the noise (WiSE-FT: Wortsman et al. 2022). Numbers go all of it: the
   * newest are left out there for their interval, though the live head knows them. So do sets of
   * labels, for which it was not tried.
   */
  @Override
  public Settled settled(
      Trained live, List<Trained> fitted, int classes, Batch batch, List<double[]> weightings) {
    Settled whole = new Settled(fitted, 1);
    if (!shipsFolds(live) || batch.targets() != null) {
      return whole;
    }
    Weights start = ((Deep) live).weights.grown(task.split(), classes);
    List<Trained> half = new ArrayList<>();
    for (Trained head : fitted) {
      half.add(new Deep(Weights.mean(List.of(start, ((Deep) head).weights)), this));
    }
    List<double[]> left = weightings.stream().map(w -> counts(batch, leftOut(batch, w))).toList();
    Batch rows = rows(batch);
    return lost(half, rows, left) < lost(fitted, rows, left) ? new Settled(half, .5) : whole;
  }

  private static double[] leftOut(Batch batch, double[] weights) {
    double[] left = batch.weights().clone();
    Arrays.setAll(left, i -> weights[i] > 0 ? 0 : left[i]);
    return left;
  }

  private double lost(List<Trained> heads, Batch rows, List<double[]> left) {
    double lost = 0;
    for (int i = 0; i < heads.size(); i++) {
      lost += tuner.loss(((Deep) heads.get(i)).weights, rows, left.get(i));
    }
    return lost;
  }

  @Override
  public int folds(int wanted) {
    return Math.min(wanted, task.tiling().isEmpty() ? FOLDS : TILE_FOLDS);
  }

  /** Those that began with nothing are too far apart for a mean of their weights. */
  @Override
  public boolean shipsFolds(Trained live) {
    return ((Deep) live).weights.begun();
  }

  /** The mean of their weights, for all began at one point (model soups: Wortsman et al. 2022). */
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
    // what it loads, the first head of a process loads: seconds that nobody waits for
  }

  @Override
  public void cancel() {
    tuner.cancel();
  }
}
