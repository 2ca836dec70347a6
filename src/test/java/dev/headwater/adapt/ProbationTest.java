package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.bundle.Kind;
import dev.headwater.gate.Gate;
import dev.headwater.gate.GateSettings;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ProbationTest {
  private static final LinearFitter FITTER =
      new LinearFitter(
          new HeadLayout(new LinearLayer("w", "b", true), 1),
          new FineTuner(FitSettings.DEFAULT, true));

  private final Samples samples = new Samples("task", "backbone", 1);

  /** The second says {@code right} of what the first does not. */
  private final Probation worse =
      new Probation(
          head(2, 1, 1, -1),
          head(1, 0, -1, 1),
          FITTER,
          new Gate(GateSettings.DEFAULT),
          new Kind.OneLabel(),
          Optional.empty());

  @Test
  void whatTheMemoryLetsGoOfHasBeenProvedAllTheSame() {
    assertThat(worse.verdict(audits(0, 6))).as("too few").isEmpty();

    assertThat(worse.verdict(audits(6, 8))).as("two more of them").isPresent();
  }

  @Test
  void whatWasNoAuditProvesNothingEverAfter() {
    List<Remembered> unsure =
        audits(0, 50).stream().map(s -> sample(s.recordId(), Reason.UNSURE)).toList();
    assertThat(worse.verdict(unsure)).isEmpty();

    assertThat(worse.verdict(audits(50, 52))).isEmpty();
  }

  @Test
  void whatComesAgainIsNoSecondBet() {
    assertThat(worse.verdict(audits(0, 6))).isEmpty();
    assertThat(worse.verdict(List.of())).as("the memory let go of them").isEmpty();

    assertThat(worse.verdict(audits(0, 6))).isEmpty();
  }

  @Test
  void aCorrectedLabelIsJudgedByWhatItIsNow() {
    assertThat(worse.verdict(audits(0, 6))).isEmpty();

    List<Remembered> corrected = new ArrayList<>(audits(6, 8));
    audits(0, 6).forEach(sample -> corrected.add(sample.labelled("left")));

    assertThat(worse.verdict(corrected)).as("two lost and six won").isEmpty();
  }

  @Test
  void anErasedRecordProvesNothingWhetherTheMemoryHeldItOrHadLetGoOfIt() {
    assertThat(worse.verdict(audits(0, 6))).isEmpty();
    worse.erase("r0");
    assertThat(worse.verdict(audits(6, 7))).as("one of seven erased").isEmpty();

    worse.erase("r1");
    assertThat(worse.verdict(audits(7, 8))).as("another that was let go of").isEmpty();
  }

  private List<Remembered> audits(int from, int to) {
    return IntStream.range(from, to).mapToObj(i -> sample("r" + i, Reason.AUDIT)).toList();
  }

  private Remembered sample(String id, Reason reason) {
    return Remembered.of(samples.of(id, "right", new float[] {5}, reason, 1), 0, 0);
  }

  private static Head head(long version, long parent, float left, float right) {
    Tensor none = Tensor.zeros(new long[] {0, 1});
    return new Head(
        new HeadInfo(
            "task",
            version,
            parent,
            List.of("left", "right"),
            "backbone",
            Instant.EPOCH,
            "samples",
            "cpu",
            new Verdict(true, "", 0, Map.of())),
        Map.of(
            "w", Tensor.rows(List.of(new float[] {left}, new float[] {right}), 1),
            "b", Tensor.zeros(new long[] {2})),
        none,
        none);
  }
}
