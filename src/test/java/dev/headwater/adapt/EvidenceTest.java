package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.Batch;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.schema.Head;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Tensor;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class EvidenceTest {
  private static final int DIM = 4;
  private final Samples samples = new Samples("task", "backbone", DIM);
  private final Evidence evidence = new Evidence();

  /** Knows what it has learned from. */
  private record Learned(Set<Integer> from, boolean shipped, List<String> leaks)
      implements Fitter.Trained {
    @Override
    public List<float[]> logits(List<float[]> features) {
      features.stream()
          .filter(row -> !shipped && from.contains(Arrays.hashCode(row)))
          .forEach(row -> leaks.add(Arrays.toString(row)));
      return features.stream().map(row -> new float[2]).toList();
    }

    @Override
    public Fitter.Trained scaled(double factor, double shift) {
      return this;
    }

    @Override
    public boolean finite() {
      return true;
    }

    @Override
    public Map<String, Tensor> tensors() {
      return Map.of();
    }
  }

  private static final class Recording implements PlainFitter {
    private final List<String> leaks = new ArrayList<>();
    private List<Trained> made = List.of();
    private boolean shipsFolds;

    @Override
    public boolean shipsFolds(Trained live) {
      return shipsFolds;
    }

    @Override
    public List<Trained> fit(Trained live, int classes, Batch batch, List<double[]> weightings) {
      made = new ArrayList<>();
      for (int i = 0; i < weightings.size(); i++) {
        Set<Integer> learned = new HashSet<>();
        for (int sample = 0; sample < batch.size(); sample++) {
          if (weightings.get(i)[sample] > 0) {
            learned.add(Arrays.hashCode(batch.features().get(sample)));
          }
        }
        made.add(new Learned(learned, false, leaks));
      }
      return made;
    }

    @Override
    public Trained blend(Trained live, List<Trained> fitted) {
      return new Learned(Set.of(), true, leaks);
    }

    @Override
    public Trained of(Head head) {
      return empty();
    }

    @Override
    public Trained empty() {
      return new Learned(Set.of(), false, leaks);
    }
  }

  @Test
  void noFoldLearnsWhatItJudges() {
    Recording fitter = new Recording();
    Learner learner = learner(fitter);
    feed(learner, 0, 21);
    learner.train("samples", 1);

    assertThat(fitter.made).hasSize(AdaptSettings.of("test").folds() + 1);
    assertThat(fitter.leaks).as("judged by a head that had learned it").isEmpty();
  }

  private static Learner learner(Fitter fitter) {
    return new Learner(
        new Space("task", "backbone", DIM, List.of("l0", "l1"), true),
        AdaptSettings.of("test"),
        new Gate(GateSettings.DEFAULT),
        fitter,
        Clock.fixed(Instant.EPOCH, ZoneOffset.UTC));
  }

  private void feed(Learner learner, int from, int to) {
    for (int i = from; i < to; i++) {
      learner.add(samples.of("r" + i, i % 2), 0, i);
    }
  }

  @Test
  void judgesOnTheTrafficOfLateAndLeaksNothingOfIt() {
    Recording fitter = new Recording();
    Learner learner = learner(fitter);
    feed(learner, 0, 600);
    learner.drifted("drift-features");
    Head first = learner.train("samples", 1);
    feed(learner, 600, 720);
    learner.drifted("drift-errors");
    Head second = learner.train("samples", 2);
    feed(learner, 720, 800);
    Head third = learner.train("samples", 3);

    assertThat(first.info().verdict().judged()).isEqualTo(500);
    assertThat(second.info().verdict().judged()).isEqualTo(500);
    assertThat(third.info().verdict().judged()).as("without another drift").isEqualTo(580);
    assertThat(learner.unseen()).as("a probation still sees them all").hasSize(800);
    assertThat(fitter.leaks).as("judged by a head that had learned it").isEmpty();
  }

  @Test
  void trainsNoHeadOnEverythingWhereTheFoldsShip() {
    Recording fitter = new Recording();
    fitter.shipsFolds = true;
    Learner learner = learner(fitter);
    feed(learner, 0, 2);
    learner.train("samples", 1);
    feed(learner, 2, 30);
    learner.train("samples", 2);

    assertThat(fitter.made).hasSize(AdaptSettings.of("test").folds());
    assertThat(fitter.leaks).as("judged by a head that had learned it").isEmpty();
  }

  @Test
  void countsWhatSamplesStandForAndNeverReturnsToWhatHasPassed() {
    List<Remembered> sparse = remembered(300, 25);
    List<Remembered> dense = remembered(300, 2);
    int[] all = IntStream.range(0, 300).toArray();

    evidence.drifted();
    assertThat(evidence.ofLate(sparse, all)).isEqualTo(IntStream.range(200, 300).toArray());
    assertThat(evidence.ofLate(sparse.subList(0, 250), Arrays.copyOf(all, 250)))
        .as("the newest have left the memory")
        .isEqualTo(IntStream.range(200, 250).toArray());
    Evidence other = new Evidence();
    assertThat(other.ofLate(dense, all)).as("there is no more").hasSize(300);
    other.drifted();
    assertThat(other.ofLate(dense, all)).isEqualTo(IntStream.range(50, 300).toArray());
    assertThat(new Evidence().ofLate(remembered(300, 10), all)).as("2,000 records").hasSize(200);

    evidence.restart();
    evidence.drifted();

    assertThat(evidence.ofLate(sparse, all)).as("another head is live").hasSize(100);
    assertThat(evidence.ofLate(sparse.subList(0, 20), Arrays.copyOf(all, 20))).isEmpty();
  }

  private List<Remembered> remembered(int count, double weight) {
    return IntStream.range(0, count)
        .mapToObj(i -> samples.of("r" + i, "l0", new float[DIM], Reason.AUDIT, weight))
        .map(
            sample -> Remembered.of(sample, 0, Integer.parseInt(sample.getRecordId().substring(1))))
        .toList();
  }
}
