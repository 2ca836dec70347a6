package dev.headwater.scoring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.RejectedHeadException;
import dev.headwater.schema.Tensor;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeadCheckTest {
  private static final int CLASSES = 3;

  @TempDir Path directory;
  private final List<Long> swaps = new ArrayList<>();
  private Bundle bundle;
  private Scoring scoring;
  private Head good;

  @BeforeEach
  void load() throws Exception {
    bundle = Bundles.tabular(directory, 4, CLASSES);
    scoring = scoring(bundle);
    good = Heads.random(bundle, 1, CLASSES, 3);
  }

  private Scoring scoring(Bundle bundle) {
    ScorerMetrics metrics =
        new ScorerMetrics() {
          @Override
          public void swapped(String task, long version, Duration took) {
            swaps.add(version);
          }
        };
    return Scoring.load(bundle, new ScoringSettings(1, 1, 4, false), metrics);
  }

  @AfterEach
  void close() {
    scoring.close();
  }

  private void refused(Head head, String reason) {
    RejectedHeadException e =
        catchThrowableOfType(RejectedHeadException.class, () -> scoring.install(head));
    assertThat(e).hasMessageContaining(reason);
    assertThat(Heads.live(scoring).version()).as("the live head goes on").isZero();
    assertThat(scoring.loadedHeads()).as("nothing of it stays in memory").isEqualTo(1);
    assertThat(swaps).containsExactly(0L);
  }

  private static Head with(Head head, HeadInfo info) {
    return new Head(info, head.tensors(), head.goldenFeatures(), head.goldenLogits());
  }

  private HeadInfo info(String task, List<String> labels, String backbone) {
    HeadInfo i = good.info();
    return new HeadInfo(
        task, 1, 0, labels, backbone, i.createdAt(), i.trigger(), i.device(), i.verdict());
  }

  @Test
  void acceptsAGoodHeadAndOneThatKnowsMore() throws Exception {
    scoring.install(good);
    scoring.install(Heads.random(bundle, 2, CLASSES + 4, 5));

    assertThat(swaps).containsExactly(0L, 1L, 2L);
    assertThat(Heads.live(scoring).labels()).hasSize(CLASSES + 4);
  }

  @ParameterizedTest
  @ValueSource(ints = {2, CLASSES, 150, 10_000})
  void allowsForAllThatATrainerSendsAndForLittleMore(int classes) {
    // given: golden pairs and, of where its classes lie, twice as much as of weights
    HeadInfo info = Heads.info(bundle, 1, Heads.labels(classes));
    int dim = bundle.task().split().dim();
    long sent =
        Float.BYTES * (3L * classes * (dim + 1) + 8L * (dim + classes))
            + 2L * info.labels().toString().length();

    // then
    assertThat(scoring.largest(info)).isBetween(sent + (1 << 20), 4 * sent + (2 << 20));
  }

  @Test
  void allowsForEveryLayerOfADeeperCut() throws Exception {
    long linear = scoring.largest(good.info());
    scoring.close();
    bundle = Bundles.tabular(directory, 4, CLASSES, "cut: -2");
    swaps.clear();
    scoring = scoring(bundle);

    HeadInfo own = bundle.task().head().orElseThrow().info();

    // fc1 has 16 rows of 4 and a bias; of the features there are 4, no longer 16
    assertThat(scoring.largest(own) - linear)
        .isEqualTo(4L * Float.BYTES * (3 * 16 * (4 + 1) + 8 * (4 - 16)));
  }

  @Test
  void knowsNoBoundForAHeadOfAnotherTaskOrBackbone() {
    HeadInfo own = good.info();
    assertThat(scoring.largest(info("sentiment", own.labels(), own.backbone())))
        .isEqualTo(Long.MAX_VALUE);
    assertThat(scoring.largest(info(own.task(), own.labels(), "beef"))).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void refusesAHeadOfAnotherTask() {
    refused(
        with(good, info("sentiment", good.info().labels(), bundle.task().fingerprint())),
        "sentiment");
  }

  @Test
  void refusesAHeadForAnotherBackbone() {
    refused(with(good, info("kind", good.info().labels(), "beef")), "another backbone");
  }

  @Test
  void refusesLabelsThatAreNoSet() {
    String own = bundle.task().fingerprint();
    refused(with(good, info("kind", List.of(), own)), "no labels");
    refused(with(good, info("kind", List.of("a", " ", "b"), own)), "blank");
    refused(with(good, info("kind", List.of("a", "b", "a"), own)), "duplicate label");
  }

  @Test
  void refusesMoreOrFewerLabelsThanRows() {
    String own = bundle.task().fingerprint();
    refused(
        with(good, info("kind", Heads.labels(CLASSES + 1), own)),
        "fc2.weight has shape [3, 16], expected [4, 16]");
    refused(
        with(good, info("kind", Heads.labels(CLASSES - 1), own)),
        "fc2.weight has shape [3, 16], expected [2, 16]");
  }

  @Test
  void refusesAHeadWithNaNWeights() {
    Tensor bias = new Tensor(new long[] {CLASSES}, new float[] {0, Float.NaN, 0});
    refused(Heads.replacing(good, "fc2.bias", bias), "fc2.bias contains a non-finite weight");
  }

  @Test
  void refusesTensorsOfAnotherShapeOrName() {
    Tensor narrow = new Tensor(new long[] {CLASSES, 15}, new float[CLASSES * 15]);
    refused(
        Heads.replacing(good, "fc2.weight", narrow),
        "fc2.weight has shape [3, 15], expected [3, 16]");
    refused(Heads.replacing(good, "extra", narrow), "expected [fc2.bias, fc2.weight]");
    refused(
        new Head(good.info(), Map.of(), good.goldenFeatures(), good.goldenLogits()),
        "the tensors are");
  }

  @Test
  void refusesAHeadThatSaysSomethingElseHere() {
    float[] off = good.goldenLogits().values().clone();
    off[4] += 0.5f;
    Tensor logits = new Tensor(good.goldenLogits().shape(), off);
    refused(
        new Head(good.info(), good.tensors(), good.goldenFeatures(), logits),
        "golden pair 1 differ by");
  }

  @Test
  void acceptsTheRoundingOfAnotherDevice() throws Exception {
    float[] close = good.goldenLogits().values().clone();
    for (int i = 0; i < close.length; i++) {
      close[i] *= 1.0001f;
    }
    Tensor logits = new Tensor(good.goldenLogits().shape(), close);

    scoring.install(new Head(good.info(), good.tensors(), good.goldenFeatures(), logits));

    assertThat(swaps).containsExactly(0L, 1L);
  }

  @Test
  void refusesAHeadThatProvesNothing() {
    Tensor none = new Tensor(new long[] {0, 16}, new float[0]);
    Tensor noLogits = new Tensor(new long[] {0, CLASSES}, new float[0]);
    refused(new Head(good.info(), good.tensors(), none, noLogits), "no golden pairs");
    refused(
        new Head(good.info(), good.tensors(), good.goldenFeatures(), noLogits),
        "golden pairs have invalid shapes");
  }

  @Test
  void acceptsTheBundlesOwnHeadUnderChangedLabels() throws Exception {
    Head own = bundle.task().head().orElseThrow();
    HeadInfo i = own.info();
    List<String> labels = List.of("ham", "label-1", "label-2");
    HeadInfo renamed =
        new HeadInfo(
            i.task(),
            1,
            0,
            labels,
            i.backbone(),
            i.createdAt(),
            HeadInfo.RELABELLED,
            "none",
            i.verdict());

    scoring.install(with(own, renamed));

    assertThat(Heads.live(scoring).labels()).isEqualTo(labels);
  }

  @Test
  void refusesToOpenAClosedLabelSet() throws Exception {
    scoring.close();
    bundle = Bundles.tabular(directory, 4, CLASSES, "open: false");
    swaps.clear();
    scoring = scoring(bundle);

    refused(Heads.random(bundle, 1, CLASSES + 1, 3), "closed");
    scoring.install(Heads.random(bundle, 1, CLASSES, 3));
    assertThat(Heads.live(scoring).version()).isEqualTo(1);
  }

  @Test
  void refusesAMisshapenHeadOfADeeperCut() throws Exception {
    scoring.close();
    bundle = Bundles.tabular(directory, 4, CLASSES, "cut: -2");
    swaps.clear();
    scoring = scoring(bundle);
    Head own = bundle.task().head().orElseThrow();

    refused(
        Heads.replacing(own, "fc1.weight", new Tensor(new long[] {16, 5}, new float[80])),
        "fc1.weight has shape [16, 5], expected [16, 4]");
  }
}
