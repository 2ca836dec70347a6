package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.config.Settings;
import dev.headwater.config.SettingsLoader;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadSettings;
import dev.headwater.heads.Signatures;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.replay.recorded.TopicRange;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Verdict;
import dev.headwater.stream.StreamService;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A head on trial: from its share of the keys to all of them, or back. */
class CanaryIT extends CommandedDeployment {
  private static final int KEYS = 300;

  private final InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
  private Settings settings;
  private int rounds;

  @BeforeEach
  void begin() throws Exception {
    assertThat(run("topics", "create")).isZero();
    assertThat(run("train", "--from", history().toString())).as(err.toString()).isZero();
    settings = SettingsLoader.load(config, Map.of(), Map.of());
    publish(head(2, 1, true));
    publish(head(3, 1, false));
  }

  @Test
  void servesItsKeysOverARestartUntilItIsApproved() throws Exception {
    Map<String, Long> before;
    try (StreamService service = serve()) {
      assertThat(run("heads", "canary", "2", "--share", "0.3")).as(err.toString()).isZero();
      assertThat(out.toString()).contains("head 2 of kind is the canary (share 0.3) from epoch");
      awaitCause(service, "version 2 for 0.3 of the keys");
      before = versions();
    }
    assertThat(before).hasSize(KEYS).containsValues(1L, 2L);
    double mean = KEYS * .3;
    double deviation = Math.sqrt(KEYS * .3 * .7);
    assertThat(before.values().stream().filter(version -> version == 2).count())
        .isBetween((long) (mean - 4 * deviation), (long) (mean + 4 * deviation));

    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString())
        .contains("head 1 is live, head 2 is the canary (share 0.3)")
        .contains("*    1")
        .contains("c    2");
    try (HeadPublisher trainer = publisher("desk-trainer")) {
      assertThat(trainer.promote(head(4, 1, true), "trainer").canary())
          .as("nothing is promoted meanwhile")
          .isEqualTo(new LivePointer.Canary(2, .3));
    }
    try (StreamService again = serve()) {
      assertThat(versions()).as("every key has the head it had").isEqualTo(before);

      assertThat(run("heads", "approve", "2")).as(err.toString()).isZero();
      awaitCause(again, "version 2, epoch");
      assertThat(versions()).doesNotContainValue(1L).hasSize(KEYS);

      assertThat(run("heads", "canary", "4", "--share", "0.5")).as(err.toString()).isZero();
      awaitCause(again, "version 4 for 0.5 of the keys");
      assertThat(versions()).containsValues(2L, 4L);
      assertThat(run("heads", "canary", "4", "--share", "0")).as(err.toString()).isZero();
      await().atMost(PATIENCE).until(() -> !again.live().cause().contains("of the keys"));
      assertThat(versions()).as("and back").doesNotContainValue(4L);
      assertThat(metrics.counts().headsRejected()).isZero();
    }
  }

  @Test
  void aCanaryThatCannotServeLeavesAllKeysToTheLiveHead() throws Exception {
    Head foreign = head(5, 1, true);
    HeadInfo info = foreign.info();
    publish(
        new Head(
            new HeadInfo(
                info.task(),
                5,
                1,
                info.labels(),
                "0".repeat(64),
                info.createdAt(),
                "samples",
                "cpu",
                info.verdict()),
            foreign.tensors(),
            foreign.goldenFeatures(),
            foreign.goldenLogits()));
    for (List<String> command :
        List.of(
            List.of("canary", "5", "--share", "0.5"),
            List.of("approve", "5"),
            List.of("rollback", "5"),
            List.of("pin", "5"),
            List.of("export", "--head", "5", "--out", "unwritten.onnx"))) {
      String[] arguments =
          Stream.concat(Stream.of("heads"), command.stream()).toArray(String[]::new);
      assertThat(run(arguments)).as(command.get(0)).isEqualTo(2);
      assertThat(err.toString()).contains("does not match the backbone");
    }
    try (HeadPublisher another = publisher("desk-other")) {
      another.canary(info.task(), 5, .5, "of another bundle");
    }
    try (StreamService service = serve()) {
      awaitCause(service, "Canary: Version 5 of kind belongs to backbone 000");

      assertThat(versions()).doesNotContainValue(5L).hasSize(KEYS);
      assertThat(service.ready().up()).isTrue();
      assertThat(metrics.counts().headsRejected()).isEqualTo(1);
    }
  }

  @Test
  void refusesWhatIsNoCandidate() {
    assertThat(run("heads", "canary", "3", "--share", "0.3")).isEqualTo(2);
    assertThat(err.toString()).contains("head 3 of kind cannot be approved: rejected: ");
    assertThat(run("heads", "canary", "2", "--share", "1")).isEqualTo(2);
    assertThat(err.toString()).contains("below 1");
    assertThat(run("heads", "canary", "2", "--share", "0")).isEqualTo(2);
    assertThat(err.toString()).contains("is not a canary");
    assertThat(run("heads", "pin", "1")).isZero();
    assertThat(run("heads", "canary", "2", "--share", "0.3")).isEqualTo(2);
    assertThat(err.toString()).contains("heads unpin");
  }

  private static void awaitCause(StreamService service, String cause) {
    await().atMost(PATIENCE).until(() -> service.live().cause().contains(cause));
  }

  private StreamService serve() throws Exception {
    StreamService service = ServeCommand.service(settings, settings.loadBundle(), metrics);
    service.start();
    return service;
  }

  /** Sends a record of each key and tells by which head each was answered. */
  private Map<String, Long> versions() throws Exception {
    int round = rounds++;
    try (Producer<String, String> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            new StringSerializer(),
            new StringSerializer())) {
      for (int i = 0; i < KEYS; i++) {
        String value = "{\"id\":\"r%d-%d\",\"x\":[1,2,3,4]}".formatted(round, i);
        producer.send(new ProducerRecord<>("desk-records", "key-" + i, value));
      }
    }
    Map<String, Long> versions = new HashMap<>();
    await()
        .atMost(PATIENCE)
        .until(
            () -> {
              for (ConsumerRecord<byte[], byte[]> record : predictions()) {
                Prediction prediction =
                    settings
                        .topics()
                        .predictions()
                        .value()
                        .deserializer()
                        .deserialize(record.topic(), record.value());
                if (prediction.recordId().startsWith("r" + round + "-")) {
                  versions.put(new String(record.key(), UTF_8), prediction.leading().headVersion());
                }
              }
              return versions.size() == KEYS;
            });
    return versions;
  }

  private List<ConsumerRecord<byte[], byte[]>> predictions() {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (TopicRange range = TopicRange.all(settings.kafka(), "desk-predictions")) {
      while (range.left() > 0) {
        records.addAll(range.poll());
      }
    }
    return records;
  }

  private HeadPublisher publisher(String id) {
    return new HeadPublisher(settings.kafka(), settings.topics().heads(), id, HeadSettings.DEFAULT);
  }

  private void publish(Head head) {
    try (HeadPublisher publisher = publisher("desk-trainer")) {
      if (head.info().verdict().accepted()) {
        publisher.propose(head);
      } else {
        publisher.publishRejected(head.info());
      }
    }
  }

  /** Head 1 under another number. */
  private Head head(long version, long parent, boolean accepted) {
    Head first =
        HeadLog.read(settings.kafka(), settings.topics().heads(), Signatures.NONE)
            .head("kind", 1)
            .orElseThrow();
    HeadInfo info = first.info();
    return new Head(
        new HeadInfo(
            "kind",
            version,
            parent,
            info.labels(),
            info.backbone(),
            info.createdAt(),
            "samples",
            "cpu",
            new Verdict(accepted, "planted", 10, Map.of())),
        first.tensors(),
        first.goldenFeatures(),
        first.goldenLogits());
  }
}
