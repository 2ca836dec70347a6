package dev.headwater.adapt;

import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundles;
import dev.headwater.onnx.GraphFixture;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Of a number nothing is drawn where another task of the bundle has the same features. */
class NumberDriftIT extends TrainerDeployment {
  private final Queue<String> alarms = new ConcurrentLinkedQueue<>();
  private final Random random = new Random(3);

  @BeforeAll
  static void measure() throws Exception {
    Path at = Files.createDirectory(directory.resolve("numbers"));
    Files.write(at.resolve("model.onnx"), GraphFixture.mlp(4, 16, 3));
    Files.writeString(at.resolve("labels.json"), "[\"a\", \"b\", \"c\"]");
    bundle =
        Bundles.load(
            at,
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
    try (Trainer trainer = started();
        KafkaProducer<String, byte[]> producer = producer()) {
      Sample told = numbers.of("told", "1.5", numbers.features(0), Reason.UNSURE, 1);
      send(producer, Sample.newBuilder(told).setPredicted("1.4").setHeadVersion(1).build());
      for (int i = 0; i < 110; i++) {
        float[] features = new float[bundle.task().split().dim()];
        for (int d = 0; d < features.length; d++) {
          features[d] = (float) (random.nextGaussian() + (i < 80 ? 0 : 2));
        }
        Sample drawn = samples.of("r" + i, "", features, Reason.UNLABELLED, 1);
        send(
            producer,
            Sample.newBuilder(drawn).setLabel(null).setLabelTime(null).setPredicted("a").build());
      }

      await().atMost(PATIENCE).until(() -> alarms.contains("size drift-features"));
      await().atMost(PATIENCE).until(() -> alarms.contains("kind drift-features"));
    }
  }

  private void send(KafkaProducer<String, byte[]> producer, Sample sample) {
    producer.send(
        new ProducerRecord<>(
            topics.samples().name(),
            0,
            sample.getRecordId(),
            topics.samples().value().serializer().serialize(topics.samples().name(), sample)));
  }
}
