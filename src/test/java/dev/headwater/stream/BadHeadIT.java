package dev.headwater.stream;

import static dev.headwater.stream.Deployment.PATIENCE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.metrics.InMemoryScorerMetrics.Counts;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Head;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Tensor;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A head that must not serve is refused with its reason, and the last good one serves on. */
class BadHeadIT {
  private static final AtomicInteger RUN = new AtomicInteger();

  @TempDir static Path directory;
  private static EmbeddedBroker broker;
  private static Bundle bundle;

  private Deployment on;
  private HeadPublisher publisher;
  private StreamService service;

  @BeforeAll
  static void startBroker() throws Exception {
    broker = EmbeddedBroker.start(directory.resolve("broker"));
    bundle = Bundles.tabular(Files.createDirectory(directory.resolve("bundle")), 4, 3);
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @BeforeEach
  void serveVersionTwo() {
    String name = "head-" + RUN.incrementAndGet();
    on = new Deployment(broker.bootstrapServers(), name, 1);
    publisher = on.publisher();
    Selection none = new Selection(0, 0);
    service = on.service(Deployment.settings(name, directory.resolve(name), none), bundle);
    service.start();
    promote(1);
    promote(2);
  }

  /** And waits: a follower skips what was overtaken before it looked. */
  private void promote(long version) {
    publisher.promote(TestHead.of(bundle, version), "test");
    await()
        .atMost(PATIENCE)
        .until(() -> service.ready().cause().contains("head " + version + " is live"));
  }

  @AfterEach
  void stop() {
    service.close();
    publisher.close();
    on.close();
  }

  @Test
  void corruptSafetensors() {
    promote(3);
    // version 4 is version 3 with one bit turned on the way
    String task = bundle.task().name();
    byte[] damaged = last("head/" + task + "/3/0").value();
    damaged[damaged.length - 1] ^= 1;
    String manifest = new String(last("head/" + task + "/3/manifest").value(), UTF_8);
    write("head/" + task + "/4/0", damaged);
    write(
        "head/" + task + "/4/manifest",
        manifest.replace("\"version\":3", "\"version\":4").getBytes(UTF_8));
    write("live/" + task, Driven.json(new LivePointer(task, 4, 4, false, "test", Instant.EPOCH)));

    servesOn(3, "SHA-256");
  }

  @Test
  void headForAnotherBackbone() {
    publisher.promote(TestHead.of(bundle, 3, "0".repeat(64), 1_000), "test");

    servesOn(2, "belongs to backbone 000");
  }

  @Test
  void olderVersion() {
    write(
        "live/" + bundle.task().name(),
        Driven.json(new LivePointer(bundle.task().name(), 1, 1, false, "test", Instant.EPOCH)));

    servesOn(2, "epoch 1");
  }

  @Test
  void nanWeights() {
    publisher.promote(TestHead.of(bundle, 3, bundle.task().fingerprint(), Float.NaN), "test");

    servesOn(2, "non-finite weight");
  }

  @Test
  void headThatSaysSomethingElseHereThanToItsTrainer() {
    Head honest = TestHead.of(bundle, 3);
    Head other = TestHead.of(bundle, 4);
    publisher.promote(
        new Head(honest.info(), honest.tensors(), honest.goldenFeatures(), other.goldenLogits()),
        "test");

    servesOn(2, "golden pair");
  }

  @Test
  void headLargerThanAnyOfThisBundle() {
    Head head = TestHead.of(bundle, 3);
    Map<String, Tensor> source =
        Map.of(Head.SOURCE + "bulk", new Tensor(new long[] {1 << 20}, new float[1 << 20]));
    publisher.promote(
        new Head(head.info(), head.tensors(), head.goldenFeatures(), head.goldenLogits(), source),
        "test");

    servesOn(2, "the maximum for a head with 3 labels is");
  }

  private void servesOn(long version, String reason) {
    await().atMost(PATIENCE).until(() -> on.metrics.counts().headsRejected() == 1);
    on.send("{\"id\": \"a\", \"x\": [1, 2, 3, 4]}");
    await().atMost(PATIENCE).until(() -> on.metrics.counts().predicted() == 1);
    assertThat(service.ready().up()).as("a bad head does not brick the service").isTrue();
    assertThat(service.live().cause()).contains(reason);
    service.close();

    List<Prediction> predictions =
        on.committed(on.topics.predictions()).stream().map(ConsumerRecord::value).toList();
    assertThat(predictions).hasSize(1);
    assertThat(predictions.get(0).leading().headVersion()).isEqualTo(version);
    assertThat(predictions.get(0).leading().label()).isEqualTo(TestHead.label(bundle, version));
    assertThat(on.metrics.counts())
        .isEqualTo(new Counts(1, 1, 0, 0, 0, 0, 0, 0, 1, version + 1, 1));
  }

  private ConsumerRecord<String, byte[]> last(String key) {
    return on.committed(on.topics.heads()).stream()
        .filter(r -> r.key().equals(key))
        .reduce((first, second) -> second)
        .orElseThrow();
  }

  private void write(String key, byte[] value) {
    on.write(on.topics.heads(), key.getBytes(UTF_8), value);
  }
}
