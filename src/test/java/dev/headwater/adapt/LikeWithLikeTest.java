package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.schema.Head;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A mean of heads is better than each of them, and the gate hears them one by one. */
class LikeWithLikeTest {
  private static final int WRONG = 3;
  private final Samples samples = new Samples("task", "backbone", 2);

  /** Knows the label from the first feature, and is wrong where the second is below a bound. */
  private record Bounded(float bound, float sure) implements Fitter.Trained {
    @Override
    public List<float[]> logits(List<float[]> features) {
      return features.stream()
          .map(x -> x[0] == 0 == x[1] >= bound ? new float[] {sure, 0} : new float[] {0, sure})
          .toList();
    }

    @Override
    public Fitter.Trained scaled(double factor, double shift) {
      return new Bounded(bound, (float) (sure * factor));
    }

    @Override
    public boolean finite() {
      return true;
    }

    @Override
    public Map<String, Tensor> tensors() {
      return Map.of("head", new Tensor(new long[] {2}, new float[] {bound, sure}));
    }
  }

  /** Each head is wrong of three records in ten, and their mean of none. */
  private static final class Averaging implements PlainFitter {
    private final boolean shipsFolds;
    private double way = 1;

    Averaging(boolean shipsFolds) {
      this.shipsFolds = shipsFolds;
    }

    @Override
    public Settled settled(
        Trained live, List<Trained> fitted, int classes, Batch batch, List<double[]> weightings) {
      return new Settled(fitted, way);
    }

    @Override
    public Trained of(Head head) {
      float[] values = head.tensors().get("head").values();
      return new Bounded(values[0], values[1]);
    }

    @Override
    public Trained empty() {
      return new Bounded(10, 1);
    }

    @Override
    public List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings) {
      return weightings.stream().map(weights -> (Trained) new Bounded(WRONG, 1)).toList();
    }

    @Override
    public boolean shipsFolds(Trained live) {
      return shipsFolds;
    }

    @Override
    public Trained blend(Trained live, List<Trained> fitted) {
      return new Bounded(0, 1);
    }
  }

  @Test
  void theLiveHeadIsHeardAsItsCandidatesAre() {
    Learner learner = learner(true);
    feed(learner, 0);

    Verdict verdict = nextAfter(learner.train("samples", 1), learner);

    assertThat(verdict.judged()).isEqualTo(100);
    assertThat(verdict.accepted()).isFalse();
    assertThat(verdict.reason()).contains("+0.0 pt");
  }

  @Test
  void byItselfWhereItWasTrainedElsewhere() {
    Learner elsewhere = learner(true);
    feed(elsewhere, 0);
    Learner learner = learner(true);
    feed(learner, 0);
    learner.train("samples", 1);
    Head other = elsewhere.train("samples", 2);
    Tensor surer = new Tensor(new long[] {2}, new float[] {0, 9});
    Head live =
        new Head(other.info(), Map.of("head", surer), other.goldenFeatures(), other.goldenLogits());

    assertThat(nextAfter(live, learner).reason()).contains("(30.0 pt, limit 10.0 pt");
  }

  @Test
  void byItselfWhereAHeadOfEverythingShips() {
    Learner learner = learner(false);
    feed(learner, 0);
    Head live = learner.train("samples", 1);

    assertThat(nextAfter(live, learner).reason()).contains("(30.0 pt, limit 10.0 pt");
  }

  @Test
  void byItselfWhereItWentAnotherWay() {
    Averaging fitter = new Averaging(true);
    Learner learner = learner(fitter);
    feed(learner, 0);
    Head live = learner.train("samples", 1);
    fitter.way = .5;

    assertThat(nextAfter(live, learner).reason()).contains("(30.0 pt, limit 10.0 pt");
  }

  private static Learner learner(boolean shipsFolds) {
    return learner(new Averaging(shipsFolds));
  }

  private static Learner learner(Fitter fitter) {
    return new Learner(
        new Space("task", "backbone", 2, List.of("l0", "l1"), false),
        AdaptSettings.of("test"),
        new Gate(GateSettings.DEFAULT),
        fitter,
        Clock.fixed(Instant.EPOCH, ZoneOffset.UTC));
  }

  private Verdict nextAfter(Head live, Learner learner) {
    learner.live(live);
    feed(learner, 100);
    return learner.train("samples", 2).info().verdict();
  }

  private void feed(Learner learner, int from) {
    for (int i = from; i < from + 100; i++) {
      float[] features = {i % 2, i / 2 % 10};
      learner.add(samples.of("r" + i, "l" + i % 2, features, Reason.AUDIT, 1), 0, i);
    }
  }
}
