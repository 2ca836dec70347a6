package dev.headwater.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundles;
import dev.headwater.config.Settings;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadSettings;
import dev.headwater.heads.Signatures;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.schema.Verdict;
import dev.headwater.stream.StreamService;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;

/** What an operator changes while everything runs. */
class OperatorIT extends CommandedDeployment {
  @Test
  void approvesOfWhatWaitsAndPinsWhatIsToStay() throws Exception {
    assertThat(run("topics", "create")).isZero();
    assertThat(run("train", "--from", history().toString())).as(err.toString()).isZero();
    propose(2, true);
    propose(3, false);
    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString()).contains("*    1").contains("?    2").contains("     3");

    assertThat(run("heads", "approve", "3")).isEqualTo(2);
    assertThat(err.toString())
        .contains("head 3 of kind cannot be approved: rejected: ")
        .contains("planted");
    assertThat(run("heads", "approve", "9")).isEqualTo(2);
    assertThat(err.toString()).contains("no usable head 9");
    assertThat(run("heads", "approve", "2")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("head 2 of kind is live from epoch");
    assertThat(run("heads", "approve", "2")).isEqualTo(2);
    assertThat(err.toString()).contains("already live");
    propose(4, true);
    assertThat(run("heads", "approve", "4")).as("judged against another").isEqualTo(2);
    assertThat(err.toString())
        .contains("does not await approval: it was compared with head 1, but head 2 is live")
        .contains("heads rollback 4");

    assertThat(run("heads", "pin", "1")).as(err.toString()).isZero();
    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString()).contains("head 1 is live and pinned").contains("*p   1");
    assertThat(run("heads", "approve", "2")).isEqualTo(2);
    assertThat(err.toString()).contains("heads unpin");
    assertThat(run("heads", "rollback", "2")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("head 2 of kind is live and pinned");
    assertThat(run("heads", "rollback", "1")).as(err.toString()).isZero();
    assertThat(run("heads", "unpin")).as(err.toString()).isZero();
    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString()).contains("*    1").doesNotContain("pinned");
    assertThat(run("heads", "unpin")).isEqualTo(2);
    assertThat(err.toString()).contains("no head of kind is pinned");
  }

  @Test
  void aHistoryThatProvesNothingLeavesTheHeadThatServes() throws Exception {
    Path few = Files.write(history(), Files.readAllLines(history()).subList(0, 6));
    assertThat(run("topics", "create")).isZero();

    assertThat(run("train", "--from", few.toString())).as(err.toString()).isZero();

    assertThat(out.toString()).contains("head 1 rejected: too few evaluation samples (6,");
    assertThat(run("heads", "list")).isZero();
    assertThat(out.toString()).contains("head 0 is live");
  }

  @Test
  void changesLabelsAndErasesRecords() throws Exception {
    assertThat(run("topics", "create")).isZero();
    assertThat(run("train", "--from", history().toString())).as(err.toString()).isZero();

    assertThat(run("labels", "rename", "label-0", "ham")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("renamed label label-0 to ham: head 2 of kind");
    assertThat(run("heads", "show", "2")).isZero();
    assertThat(out.toString()).contains("\"ham\"").doesNotContain("\"label-0\"");
    assertThat(run("labels", "rename", "ham", "label-1")).isEqualTo(2);
    assertThat(err.toString()).contains("labels merge");
    assertThat(run("labels", "rename", "label-1", "label-0")).isEqualTo(2);
    assertThat(err.toString()).contains("label-0 was the name of another label");
    assertThat(run("labels", "rename", "ham", "label-0")).as("taken back").isZero();
    assertThat(run("labels", "rename", "label-0", "ham")).isZero();
    assertThat(run("labels", "retire", "nothing")).isEqualTo(2);
    assertThat(err.toString()).contains("unknown label 'nothing'");
    assertThat(run("labels", "merge", "ham", "label-1")).as("one would be left").isEqualTo(2);
    assertThat(err.toString()).contains("needs at least two labels");

    assertThat(run("heads", "canary", "1", "--share", "0.5")).isEqualTo(2);
    assertThat(err.toString()).contains("uses outdated label names");
    assertThat(run("heads", "pin", "1")).as(err.toString()).isZero();
    assertThat(out.toString())
        .contains("head 1 of kind with current label names: head 5 of kind is live and pinned");
    assertThat(run("heads", "show", "5")).isZero();
    assertThat(out.toString()).contains("\"ham\"").doesNotContain("\"label-0\"");

    assertThat(run("labels", "erase", "r1")).as(err.toString()).isZero();
    assertThat(tombstones()).containsExactly("r1");
  }

  @Test
  void takesLabelsFromADeeperHeadThatServesOn() throws Exception {
    Bundles.tabular(directory.resolve("bundle"), 4, 4, "cut: -2");
    assertThat(run("topics", "create")).isZero();

    assertThat(run("labels", "merge", "label-3", "label-1")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("merged label label-3 into label-1: head 1");
    assertThat(run("heads", "show", "0")).as("there is a way back").isZero();
    assertThat(run("labels", "retire", "label-0")).as(err.toString()).isZero();
    assertThat(out.toString()).contains("retired label label-0: head 2");
    assertThat(run("labels", "rename", "label-1", "label-0")).isEqualTo(2);
    assertThat(err.toString()).contains("label-0 was the name of another label");

    Settings settings = settings(config);
    InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
    try (StreamService service = ServeCommand.service(settings, settings.loadBundle(), metrics);
        KafkaProducer<String, String> producer =
            new KafkaProducer<>(kafka(), new StringSerializer(), new StringSerializer())) {
      service.start();
      for (int i = 0; i < 8; i++) {
        String record = "{\"id\":\"r%d\",\"x\":[1,%d,3,%d]}".formatted(i, i - 4, -i);
        producer.send(new ProducerRecord<>("desk-records", record));
      }
      await().atMost(PATIENCE).until(() -> metrics.counts().predicted() == 8);
    }
    assertThat(read(settings, settings.topics().predictions()))
        .hasSize(8)
        .allSatisfy(
            prediction -> {
              assertThat(prediction.leading().headVersion()).isEqualTo(2);
              assertThat(prediction.leading().top())
                  .extracting(Scored::label)
                  .containsExactlyInAnyOrder("label-1", "label-2");
            });
  }

  private List<String> tombstones() {
    List<String> keys = new ArrayList<>();
    try (Consumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(kafka(), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      consumer.assign(
          consumer.partitionsFor("desk-labels").stream()
              .map(p -> new org.apache.kafka.common.TopicPartition(p.topic(), p.partition()))
              .toList());
      consumer.seekToBeginning(consumer.assignment());
      await()
          .atMost(PATIENCE)
          .until(
              () -> {
                consumer
                    .poll(Duration.ofMillis(200))
                    .forEach(
                        record -> {
                          if (record.value() == null) {
                            keys.add(
                                new String(record.key(), java.nio.charset.StandardCharsets.UTF_8));
                          }
                        });
                return !keys.isEmpty();
              });
    }
    return keys;
  }

  /** As a trainer in manual mode would, of head 1. */
  private void propose(long version, boolean accepted) {
    Topic<String, byte[]> topic = Topics.of(TopicNames.prefixed("desk")).heads();
    Head first = HeadLog.read(kafka(), topic, Signatures.NONE).head("kind", 1).orElseThrow();
    HeadInfo info = first.info();
    HeadInfo next =
        new HeadInfo(
            "kind",
            version,
            1,
            info.labels(),
            info.backbone(),
            info.createdAt(),
            "samples",
            "cpu",
            new Verdict(accepted, "planted", 10, Map.of()));
    try (HeadPublisher publisher =
        new HeadPublisher(kafka(), topic, "desk-trainer", HeadSettings.DEFAULT)) {
      if (accepted) {
        publisher.propose(
            new Head(next, first.tensors(), first.goldenFeatures(), first.goldenLogits()));
      } else {
        publisher.publishRejected(next);
      }
    }
  }
}
