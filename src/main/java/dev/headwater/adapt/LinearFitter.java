package dev.headwater.adapt;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.schema.Head;
import dev.headwater.schema.Tensor;
import java.util.List;
import java.util.Map;

/** Trains heads of one linear layer. */
record LinearFitter(HeadLayout layout, FineTuner tuner) implements Fitter {

  /** A linear head; {@link #tensors} uses the parameter names of the bundle. */
  private record Linear(LinearHead head, LinearFitter fitter) implements Trained {
    @Override
    public List<float[]> logits(List<float[]> features) {
      return fitter.tuner.logits(head, features);
    }

    @Override
    public Trained scaled(double factor, double shift) {
      return new Linear(head.scaled(factor, shift), fitter);
    }

    @Override
    public boolean finite() {
      return head.finite();
    }

    @Override
    public Map<String, Tensor> tensors() {
      return fitter.layout.tensors(head);
    }
  }

  @Override
  public Trained of(Head head) {
    return new Linear(layout.linear(head), this);
  }

  @Override
  public Trained empty() {
    return new Linear(LinearHead.empty(layout.dim()), this);
  }

  @Override
  public List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings) {
    return trained(tuner.fit(((Linear) live).head, classes, batch, weightings));
  }

  /** Starts from the fitted heads, which converges to the same optimum in fewer iterations. */
  @Override
  public List<Trained> refit(
      Trained live, List<Trained> fitted, int classes, Batch batch, List<double[]> weightings) {
    LinearHead anchor = ((Linear) live).head;
    return trained(tuner.fit(anchor, linear(fitted), classes, batch, weightings));
  }

  List<Trained> trained(List<LinearHead> heads) {
    return heads.stream().map(head -> (Trained) new Linear(head, this)).toList();
  }

  static List<LinearHead> linear(List<Trained> heads) {
    return heads.stream().map(head -> ((Linear) head).head).toList();
  }

  @Override
  public boolean learnsUnlabelled() {
    return true;
  }

  /** Returns the ensemble mean, which has less variance than one head (bagging: Breiman 1996). */
  @Override
  public Trained blend(Trained live, List<Trained> fitted) {
    return new Linear(LinearHead.mean(linear(fitted)), this);
  }

  @Override
  public String device() {
    return tuner.device();
  }

  @Override
  public void warmUp() {
    tuner.warmUp(layout.dim());
  }

  @Override
  public void cancel() {
    tuner.cancel();
  }
}
