package dev.headwater.adapt;

import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundles;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Of a number nothing is drawn where another task of the bundle has the same features. */
class NumberDriftIT extends TrainerDeployment {
  private final Queue<String> alarms = new ConcurrentLinkedQueue<>();
  private final Random random = new Random(3);

  @BeforeAll
  static void measure() throws Exception {
    bundle =
        Bundles.load(
            directory.resolve("bundle"),
            """
            name: numbers
            model: model.onnx
            tasks:
              - {name: kind, labels: labels.json}
              - {name: size, head: none, kind: regression}
            input: {id: /id, numbers: /x}
            """);
  }

  @Override
  void onDrifted(String task, String cause) {
    alarms.add(task + " " + cause);
  }

  @Test
  void isSeenInWhatIsDrawnForAnotherTask() throws Exception {
    Samples numbers =
        new Samples("size", bundle.tasks().get(1).fingerprint(), bundle.task().split().dim());
    List<Sample> all = new ArrayList<>();
    try (Trainer trainer = started()) {
      Sample told = numbers.of("told", "1.5", numbers.features(0), Reason.UNSURE, 1);
      all.add(Sample.newBuilder(told).setPredicted("1.4").setHeadVersion(1).build());
      for (int i = 0; i < 110; i++) {
        float[] features = new float[bundle.task().split().dim()];
        for (int d = 0; d < features.length; d++) {
          features[d] = (float) (random.nextGaussian() + (i < 80 ? 0 : 2));
        }
        Sample drawn = samples.of("r" + i, "", features, Reason.UNLABELLED, 1);
        all.add(
            Sample.newBuilder(drawn).setLabel(null).setLabelTime(null).setPredicted("a").build());
      }
      send(all);

      await().atMost(PATIENCE).until(() -> alarms.contains("size drift-features"));
      await().atMost(PATIENCE).until(() -> alarms.contains("kind drift-features"));
    }
  }
}
