package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.adapt.align.Blobs;
import dev.headwater.adapt.align.SourceStatistics;
import dev.headwater.adapt.fit.Batch;
import dev.headwater.adapt.fit.LinearHead;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Heads that follow where classes move while no label comes, and the way back. */
class AlignmentIT extends TrainerDeployment {
  private static final List<String> LABELS = List.of("l0", "l1", "l2", "l3");

  private final String task = bundle.task().name();
  private final HeadLayout layout = HeadLayout.of(bundle.task());
  private final Blobs blobs = new Blobs();

  @Test
  void followsAClassThatMovedAndTheNextTrainerGoesBackWithIt() throws Exception {
    long anchor = planted();
    blobs.turn(0, 47);
    assertThat(accuracy(anchor)).as("it takes much of l0 for l1").isLessThan(0.9);
    try (Trainer trainer = aligning()) {
      draw(200);

      await().atMost(PATIENCE).until(() -> accuracy(liveVersion()) > 0.95);
      HeadInfo aligned = head(liveVersion());
      assertThat(aligned.trigger()).isEqualTo("alignment");
      assertThat(aligned.parent()).isEqualTo(anchor);
      assertThat(aligned.verdict().judged()).as("labels read").isZero();
      assertThat(aligned.verdict().cause()).isEqualTo("aligned");
    }
    blobs.turn(0, 0);
    try (Trainer trainer = aligning()) {
      awaitUp(trainer);
      draw(200);

      await().atMost(PATIENCE).until(() -> liveVersion() == anchor);
      LivePointer pointer = heads().live(task).orElseThrow();
      assertThat(pointer.by()).isEqualTo("withdrawal");
      assertThat(trainer.live().up()).as(trainer.live().cause()).isTrue();
      List<Verdict> verdicts = heads().versions(task).stream().map(HeadInfo::verdict).toList();
      assertThat(verdicts)
          .as("what served until then says why it does not")
          .anySatisfy(
              verdict -> {
                assertThat(verdict.accepted()).isFalse();
                assertThat(verdict.reason()).startsWith("withdrawn: ");
              });
    }
  }

  @Test
  void followsAfterHistoryWhoseLabelsAreAskedAndHandsOnWhereTheyLay() throws Exception {
    Batch history = blobs.labelled(60);
    SourceStatistics source = SourceStatistics.of(history, Blobs.CLASSES);
    List<Sample> labelled = new ArrayList<>();
    for (int i = 0; i < history.size(); i++) {
      labelled.add(labelled("r" + i, history.classes()[i], history.features().get(i)));
    }
    send(labelled);
    long anchor = planted(Map.of("trainedThrough.0", 59.0), source.tensors());
    blobs.turn(0, 47);
    try (Trainer trainer = aligning()) {
      draw(200);

      await().atMost(PATIENCE).until(() -> liveVersion() > anchor);
      HeadInfo aligned = head(liveVersion());
      assertThat(aligned.trigger()).isEqualTo("alignment");
      assertThat(aligned.parent()).isEqualTo(anchor);
      assertThat(aligned.verdict().judged()).as("labels asked").isEqualTo(60);
      assertThat(aligned.verdict().numbers())
          .as("how far training had read")
          .containsEntry("trainedThrough.0", 59.0);
      assertThat(live().source()).containsAllEntriesOf(source.tensors());
    }
  }

  @Test
  void aFewLabelsAreEnoughToRefuseAnAlignment() throws Exception {
    long anchor = planted();
    blobs.turn(0, 47);
    List<Sample> against = new ArrayList<>();
    while (against.size() < 9) { // too few to train on
      float[] features = blobs.of(0);
      if (Blobs.head().best(features) == 1) {
        against.add(labelled("r" + against.size(), 1, features));
      }
    }
    send(against);
    try (Trainer trainer = aligning()) {
      draw(200);

      await().atMost(PATIENCE).until(() -> heads().nextVersion(task) > anchor + 1);
      HeadInfo refused = head(anchor + 1);
      assertThat(refused.trigger()).isEqualTo("alignment");
      assertThat(refused.verdict().accepted()).isFalse();
      assertThat(refused.verdict().cause()).isEqualTo("worse-on-known");
      assertThat(refused.verdict().judged()).isEqualTo(9);
      assertThat(liveVersion()).isEqualTo(anchor);
    }
  }

  private Trainer aligning() {
    return started(AdaptSettings.Promotion.AUTOMATIC, true);
  }

  /** The head for blobs that have not moved, live. */
  private long planted() {
    return planted(Map.of(), Map.of());
  }

  private long planted(Map<String, Double> numbers, Map<String, Tensor> source) {
    Verdict verdict = new Verdict(true, "planted", 40, numbers);
    HeadInfo info =
        new HeadInfo(
            task,
            1,
            0,
            LABELS,
            bundle.task().fingerprint(),
            Instant.EPOCH,
            "samples",
            "cpu",
            verdict);
    Tensor features = Tensor.zeros(0, Blobs.DIM);
    try (HeadPublisher publisher = publisher("planter")) {
      publisher.promote(
          new Head(
              info, layout.tensors(Blobs.head()), features, Tensor.zeros(0, LABELS.size()), source),
          "trainer");
    }
    return info.version();
  }

  private Sample labelled(String id, int label, float[] features) {
    return samples.of(id, LABELS.get(label), features, Reason.UNSURE, 1);
  }

  private void draw(int count) throws Exception {
    List<Sample> draws = new ArrayList<>();
    for (int i = 0; i < count; i++, sent++) {
      float[] features = blobs.of(i % Blobs.CLASSES);
      draws.add(samples.of("u" + sent, null, features, Reason.UNLABELLED, 10));
    }
    send(draws);
  }

  private double accuracy(long version) {
    return blobs.accuracy(linear(version));
  }

  private LinearHead linear(long version) {
    return layout.linear(heads().head(task, version).orElseThrow());
  }
}
