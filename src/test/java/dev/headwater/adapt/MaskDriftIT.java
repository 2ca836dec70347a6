package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.adapt.fit.TailTuner;
import dev.headwater.bundle.Bundles;
import dev.headwater.bundle.Task;
import dev.headwater.bundle.TileSelection;
import dev.headwater.bundle.Tiling;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.SampleSerde;
import dev.headwater.tail.Tail;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A trainer of masks tells drift from what the samples bring: no mask that was said travels. */
class MaskDriftIT extends TrainerDeployment {
  private static final int SIDE = 20;

  private final Queue<String> alarms = new ConcurrentLinkedQueue<>();
  private final Random random = new Random(3);

  @BeforeAll
  static void segment() throws Exception {
    bundle = Bundles.segments(directory.resolve("masks"), SIDE, SIDE, 3);
  }

  @Override
  void onDrifted(String task, String cause) {
    alarms.add(cause);
  }

  @Test
  void fromWhatIsDrawnOfPicturesWithoutALabel() throws Exception {
    try (Trainer trainer = started()) {
      for (int i = 0; i < 80; i++) {
        send(drawn("before-" + i, 0));
      }
      for (int i = 0; i < 30; i++) {
        send(drawn("after-" + i, 2));
      }

      await().atMost(PATIENCE).until(() -> !alarms.isEmpty());
      assertThat(alarms).containsExactly("drift-features");
    }
  }

  /** Where the live head stays, whatever is learnt of them. */
  @Test
  void fromHowWrongItIsOnAuditedMasks() throws Exception {
    byte told = told();
    try (Trainer trainer = started(AdaptSettings.Promotion.MANUAL)) {
      awaitUp(trainer);
      for (int i = 0; i < 60; i++) {
        send(audited("right-" + i, told));
      }
      for (int i = 0; i < 40; i++) {
        send(audited("wrong-" + i, (byte) (1 - told)));
      }

      await().atMost(PATIENCE).until(() -> !alarms.isEmpty());
      assertThat(alarms).containsExactly("drift-errors");
    }
  }

  private Sample drawn(String id, double mean) {
    float[] vector = new float[tiling().channels()];
    for (int c = 0; c < vector.length; c++) {
      vector[c] = (float) (mean + random.nextGaussian());
    }
    return described(Sample.newBuilder(), id)
        .setReason(Reason.UNLABELLED)
        .setRows(1)
        .setDim(vector.length)
        .setFeatures(SampleSerde.pack(vector))
        .build();
  }

  private Sample audited(String id, byte everywhere) {
    byte[] mask = new byte[SIDE * SIDE];
    Arrays.fill(mask, everywhere);
    Sample.Builder sample = described(Sample.newBuilder(), id).setReason(Reason.AUDIT);
    TileSelection.of(tiling(), null, id).write(sample, nothing());
    return sample.setLabel(bundle.task().masks().orElseThrow().encode(mask)).build();
  }

  private static Sample.Builder described(Sample.Builder sample, String id) {
    Task task = bundle.task();
    return sample
        .setRecordId(id)
        .setTask(task.name())
        .setBackbone(task.fingerprint())
        .setWeight(1)
        .setConfidence(.7f)
        .setHeadVersion(0)
        .setRecordTime(Instant.EPOCH);
  }

  /** What the bundle's head says everywhere of features that are nought everywhere. */
  private static byte told() throws Exception {
    Task task = bundle.task();
    Fitter fitter =
        new TailFitter(
            task,
            new TailTuner(
                Tail.of(task.split()), task.split(), task.rowShapes(), FitSettings.DEFAULT));
    float[] tile = new float[tiling().size()];
    float[] logits = fitter.of(task.head().orElseThrow()).logits(List.of(tile)).get(0);
    return (byte) (logits[0] > logits[tiling().answers()] ? 0 : 1);
  }

  private static float[] nothing() {
    return new float[tiling().channels() * SIDE * SIDE];
  }

  private static Tiling tiling() {
    return bundle.task().tiling().orElseThrow();
  }
}
