package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.heads.HeadPublisher;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Tensor;
import dev.headwater.schema.Verdict;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Which head serves, and who decides it. */
class PromotionIT extends TrainerDeployment {
  private static final int AUDITED = 9; // too few to set off a training

  private final List<Long> withdrawn = new CopyOnWriteArrayList<>();

  @Test
  void aHeadThatGotPastTheGateAndIsBadIsWithdrawn() throws Exception {
    long good = learned();
    long bad = publishMixedUp(false);
    assertThat(liveVersion()).as("it serves").isEqualTo(bad);
    try (Trainer trainer = started()) {
      audit(AUDITED);

      await().atMost(PATIENCE).until(() -> liveVersion() == good);
      LivePointer pointer = heads().live(bundle.task().name()).orElseThrow();
      assertThat(pointer.by()).isEqualTo("withdrawal");
      assertThat(pointer.pinned()).isFalse();
      Verdict verdict = head(bad).verdict();
      assertThat(verdict.accepted()).isFalse();
      assertThat(verdict.reason()).startsWith("withdrawn: worse than head " + good);
      assertThat(verdict.numbers()).as("as before").containsKey("trainedThrough.0");
      assertThat(withdrawn).containsExactly(bad);

      send(60);
      await().atMost(PATIENCE).until(() -> heads().nextVersion(bundle.task().name()) > bad + 1);
      assertThat(head(bad + 1).parent()).as("it trains on from the good one").isEqualTo(good);
      assertThat(heads().hasTensors(bundle.task().name(), bad)).as("kept to look at").isTrue();
    }
  }

  @Test
  void aTrainerThatStartsAnewNeitherForgetsEvidenceNorWithdrawsTwice() throws Exception {
    long good = learned();
    long bad = publishMixedUp(false);
    audit(AUDITED);
    try (Trainer trainer = started()) {
      await().atMost(PATIENCE).until(() -> liveVersion() == good);
    }
    long epoch = epoch();
    try (Trainer trainer = started()) {
      send(60);
      await().atMost(PATIENCE).until(() -> heads().nextVersion(bundle.task().name()) > bad + 1);
      awaitIdle();
      assertThat(withdrawn).as("the parent has no evidence against it").containsExactly(bad);
      assertThat(epoch()).isGreaterThanOrEqualTo(epoch);
      assertThat(liveVersion()).isNotEqualTo(bad);
    }
  }

  @Test
  void aPinnedHeadServesOnHoweverBad() throws Exception {
    learned();
    long bad = publishMixedUp(true);
    try (Trainer trainer = started()) {
      audit(60);

      await().atMost(PATIENCE).until(() -> heads().nextVersion(bundle.task().name()) > bad + 1);
      assertThat(liveVersion()).isEqualTo(bad);
      assertThat(withdrawn).isEmpty();
    }
  }

  /** As after the manifest has given a new head other layers: the features are the same. */
  @Test
  void aLiveHeadThatIsNotOfTheBundlesTaskIsBegunWithout() throws Exception {
    long misfit = publishMisfit();
    try (Trainer trainer = started()) {
      send(60);

      await().atMost(PATIENCE).until(() -> liveVersion() > misfit + 1);
      assertThat(trainer.health().up()).isTrue();
      assertThat(head(liveVersion()).parent()).as("the bundle's own").isEqualTo(misfit + 1);
      assertThat(heads().head(bundle.task().name(), misfit + 1).orElseThrow().tensors())
          .isEqualTo(bundle.task().head().orElseThrow().tensors());
    }
  }

  private long publishMisfit() {
    String task = bundle.task().name();
    Head own = bundle.task().head().orElseThrow();
    Tensor wider = Tensor.zeros(new long[] {own.info().labels().size(), 99});
    Map<String, Tensor> tensors = new TreeMap<>(own.tensors());
    tensors.replaceAll((name, tensor) -> tensor.shape().length == 2 ? wider : tensor);
    HeadInfo info =
        new HeadInfo(
            task,
            heads().nextVersion(task),
            0,
            own.info().labels(),
            own.info().backbone(),
            Instant.EPOCH,
            "samples",
            "cpu",
            new Verdict(true, "of another manifest", 40, Map.of()));
    try (HeadPublisher publisher = publisher("before")) {
      publisher.promote(
          new Head(info, tensors, own.goldenFeatures(), own.goldenLogits()), "trainer");
    }
    return info.version();
  }

  @Test
  void inManualModeAnAcceptedHeadWaitsForSomebodyToApproveOfIt() throws Exception {
    String task = bundle.task().name();
    try (Trainer trainer = started(AdaptSettings.Promotion.MANUAL)) {
      send(60);
      await().atMost(PATIENCE).until(() -> accepted().findFirst().isPresent());
      awaitIdle();
      send(60);
      long first = accepted().findFirst().orElseThrow().version();
      await().atMost(PATIENCE).until(() -> accepted().anyMatch(h -> h.version() > first));

      assertThat(liveVersion()).isZero();
      assertThat(accepted().map(HeadInfo::parent)).as("all from the live head").containsOnly(0L);
      try (HeadPublisher operator = publisher("operator")) {
        operator.point(task, first, false, "cli");
      }
      long then = heads().nextVersion(task);
      send(60);
      await().atMost(PATIENCE).until(() -> heads().nextVersion(task) > then);
      assertThat(head(heads().nextVersion(task) - 1).parent()).isEqualTo(first);
      assertThat(liveVersion()).isEqualTo(first);
    }
  }

  @Test
  void labelsMayBeChangedWhileItLearns() throws Exception {
    String task = bundle.task().name();
    learned();
    long changed = heads().nextVersion(task);
    LabelAliases aliases =
        LabelAliases.none(task).renamed("l0", "ham").renamed("l1", "l2").retired("label-0");
    Head live = live();
    try (Trainer trainer = started()) {
      awaitUp(trainer);
      try (HeadPublisher operator = publisher("operator")) {
        Head head = new Relabelling(bundle.task(), aliases).of(live, changed, "x", Instant.EPOCH);
        operator.relabel(aliases, head, "cli");
      }
      assertThat(liveVersion()).isEqualTo(changed);
      send(60); // under the old names

      await().atMost(PATIENCE).until(() -> heads().nextVersion(task) > changed + 1);
      HeadInfo next = head(changed + 1);
      assertThat(next.parent()).isEqualTo(changed);
      assertThat(next.labels()).containsExactlyInAnyOrder("label-1", "label-2", "ham", "l2");
    }
  }

  @Test
  void whoWaitsForSamplesSeesWhatOthersPutLive() throws Exception {
    learned();
    try (Trainer trainer = started()) {
      awaitUp(trainer);
      try (HeadPublisher operator = publisher("operator")) {
        operator.point(bundle.task().name(), 0, false, "cli");
      }

      await().atMost(PATIENCE).until(() -> trainer.health().cause().contains("head 0 is live"));
    }
  }

  @Test
  void anErasedRecordIsLearnedFromNoMore() throws Exception {
    send(60);
    for (int i = 0; i < 30; i++) {
      erase("r" + i);
    }
    try (Trainer trainer = started()) {
      awaitLive(1);
      assertThat(head(1).verdict().numbers()).containsEntry("memory", 30.0);

      for (int i = 30; i < 60; i++) {
        erase("r" + i);
      }
      send(12);
      await().atMost(PATIENCE).until(() -> heads().nextVersion(bundle.task().name()) > 2);
      assertThat(head(2).verdict().numbers().get("memory"))
          .as("of a trainer that had them in memory")
          .isLessThanOrEqualTo(12.0);
    }
  }

  private java.util.stream.Stream<HeadInfo> accepted() {
    return heads().versions(bundle.task().name()).stream()
        .filter(head -> head.version() > 0 && head.verdict().accepted());
  }

  /** The live head of a trainer that has come and gone. */
  private long learned() throws Exception {
    try (Trainer trainer = started()) {
      send(60);
      awaitLive(1);
      awaitIdle();
    }
    return liveVersion();
  }

  /** The live head, each label under the weights of the next, as if the gate had let it through. */
  private long publishMixedUp(boolean pinned) {
    String task = bundle.task().name();
    Head live = live();
    HeadInfo info = live.info();
    int classes = info.labels().size();
    Map<String, Tensor> tensors =
        live.tensors().entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, t -> rotated(t.getValue(), classes)));
    Map<String, Double> numbers = new TreeMap<>(info.verdict().numbers());
    numbers.put("trainedThrough.0", sent - 1.0);
    HeadInfo bad =
        new HeadInfo(
            task,
            heads().nextVersion(task),
            info.version(),
            info.labels(),
            info.backbone(),
            Instant.EPOCH,
            "samples",
            "cpu",
            new Verdict(true, "planted", 40, numbers));
    Tensor none = new Tensor(new long[] {0, classes}, new float[0]);
    Tensor noFeatures = new Tensor(new long[] {0, bundle.task().featureSize()}, new float[0]);
    try (HeadPublisher publisher = publisher("planter")) {
      publisher.promote(new Head(bad, tensors, noFeatures, none), "trainer");
      if (pinned) {
        publisher.point(task, bad.version(), true, "cli");
      }
    }
    return bad.version();
  }

  /** Classes are the first dimension of this bundle's weights. */
  private static Tensor rotated(Tensor tensor, int classes) {
    assertThat(tensor.shape()[0]).isEqualTo(classes);
    float[] values = tensor.values();
    int row = values.length / classes;
    float[] rotated = new float[values.length];
    System.arraycopy(values, row, rotated, 0, values.length - row);
    System.arraycopy(values, 0, rotated, values.length - row, row);
    return new Tensor(tensor.shape(), rotated);
  }

  private void audit(int count) throws Exception {
    for (int i = 0; i < count; i++, sent++) {
      int label = sent % 3;
      send(samples.of("a" + sent, "l" + label, samples.features(label), Reason.AUDIT, 20));
    }
  }

  private long epoch() {
    return heads().live(bundle.task().name()).map(LivePointer::epoch).orElse(0L);
  }

  @Override
  void onWithdrawn(long version) {
    withdrawn.add(version);
  }
}
