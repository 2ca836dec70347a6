package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.adapt.align.Blobs;
import dev.headwater.adapt.align.SourceStatistics;
import dev.headwater.adapt.fit.FineTuner;
import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.onnx.LinearLayer;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RealignmentTest {
  private final Blobs blobs = new Blobs();
  private final Samples samples = new Samples("task", "backbone", Blobs.DIM);
  private final HeadLayout layout = new HeadLayout(new LinearLayer("w", "b", true), Blobs.DIM);
  private final LinearFitter fitter =
      new LinearFitter(layout, new FineTuner(FitSettings.DEFAULT, true));
  private final TrainedThrough read = TrainedThrough.nothing();
  private final Realignment realignment =
      new Realignment(fitter, head(3, Blobs.head()), Clock.systemUTC());

  private Head head(long version, LinearHead linear) {
    List<String> labels = IntStream.range(0, Blobs.CLASSES).mapToObj(label -> "l" + label).toList();
    Verdict verdict = new Verdict(true, "planted", 10, Map.of());
    HeadInfo info =
        new HeadInfo(
            "task", version, 0, labels, "backbone", Instant.EPOCH, "samples", "cpu", verdict);
    Tensor none = Tensor.zeros(0, 1);
    return new Head(info, layout.tensors(linear), none, none);
  }

  private void take(int count) {
    for (int i = 0; i < count; i++) {
      realignment.take(
          samples.of("r" + i, null, blobs.of(i % Blobs.CLASSES), Reason.UNLABELLED, 5));
    }
  }

  @Test
  void makesAWholeHeadOfTheAnchorThatMoved() {
    blobs.turn(0, 47);
    take(150);
    read.advance(0, 149);

    Head moved = realignment.align(7, read).orElseThrow();

    HeadInfo info = moved.info();
    assertThat(info.version()).isEqualTo(7);
    assertThat(info.parent()).as("the head that labels support").isEqualTo(3);
    assertThat(info.trigger()).isEqualTo(Realignment.TRIGGER);
    assertThat(info.verdict().judged()).as("labels read").isZero();
    assertThat(info.verdict().numbers()).containsEntry("trainedThrough.0", 149.0);
    assertThat(SourceStatistics.of(moved.source())).isPresent();
    LinearHead linear = layout.linear(moved);
    for (int row = 0; row < 8; row++) {
      float[] features = new float[Blobs.DIM];
      System.arraycopy(moved.goldenFeatures().values(), row * Blobs.DIM, features, 0, Blobs.DIM);
      float[] logits = new float[Blobs.CLASSES];
      System.arraycopy(
          moved.goldenLogits().values(), row * Blobs.CLASSES, logits, 0, Blobs.CLASSES);
      assertThat(linear.logits(features)).as("golden pair %d", row).isEqualTo(logits);
    }
  }

  @Test
  void saysThatTheAnchorShouldServeWhereNothingMoved() {
    take(150);
    assertThat(realignment.due()).isTrue();

    Optional<Head> moved = realignment.align(7, read);

    assertThat(moved).isEmpty();
    assertThat(realignment.anchorVersion()).isEqualTo(3);
    assertThat(realignment.due()).as("nothing new").isFalse();
  }
}
