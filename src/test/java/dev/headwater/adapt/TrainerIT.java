package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.gate.GateSettings;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadSettings;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.TopicSettings;
import dev.headwater.schema.TopicSetup;
import dev.headwater.schema.Topics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerIT {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final AtomicInteger DEPLOYMENTS = new AtomicInteger();

  @TempDir static Path directory;
  private static EmbeddedBroker broker;
  private static Bundle bundle;

  private final String name = "trainer-it-" + DEPLOYMENTS.incrementAndGet();
  private final TopicNames names = TopicNames.prefixed(name);
  private final Topics topics = Topics.of(names);
  private final Samples samples =
      new Samples(bundle.task().name(), bundle.task().fingerprint(), bundle.task().split().dim());
  private int sent;

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
  void createTopics() {
    new TopicSetup(
            kafka(),
            names,
            new TopicSettings(1, 1, (short) 1, Duration.ofDays(1), Duration.ofDays(1)))
        .create();
  }

  @Test
  void learnsFromTheTopicAndPutsWhatItLearnedLive() throws Exception {
    try (Trainer trainer = started()) {
      send(60);

      awaitLive(1);
      assertThat(trainer.health().up()).as(trainer.health().cause()).isTrue();
      HeadInfo info = head(liveVersion());
      assertThat(info.verdict().accepted()).isTrue();
      assertThat(info.labels()).contains("label-0", "label-1", "label-2", "l0", "l1", "l2");
      assertThat(info.device()).isEqualTo("cpu");
      assertThat(info.trigger()).isEqualTo("samples");
    }
  }

  @Test
  void whatIsNoSampleOrNotItsOwnIsPassedOver() throws Exception {
    sendBytes("junk".getBytes(java.nio.charset.StandardCharsets.UTF_8));
    Samples foreign =
        new Samples(bundle.task().name(), "another backbone", bundle.task().split().dim());
    for (int i = 0; i < 20; i++) {
      sendBytes(bytes(foreign, "foreign-" + i, i));
    }
    try (Trainer trainer = started()) {
      send(60);

      awaitLive(1);
      assertThat(head(liveVersion()).verdict().numbers().get("memory")).isLessThanOrEqualTo(60);
    }
  }

  @Test
  void aPinHoldsTheLiveHeadWhileCandidatesAreStillJudged() throws Exception {
    try (Trainer trainer = started()) {
      awaitUp(trainer);
      try (HeadPublisher operator = publisher("operator")) {
        operator.point(bundle.task().name(), 0, true, "cli");
      }
      send(60);

      await()
          .atMost(PATIENCE)
          .until(
              () -> heads().versions(bundle.task().name()).stream().anyMatch(h -> h.version() > 0));
      assertThat(liveVersion()).isZero();
    }
  }

  @Test
  void aTrainerThatStartsAnewJudgesOnlyWhatIsNewToTheLiveHead() throws Exception {
    long first;
    try (Trainer trainer = started()) {
      send(60);
      awaitLive(1);
      awaitIdle();
      first = heads().nextVersion(bundle.task().name());
    }
    long through = trainedThrough();
    try (Trainer trainer = started()) {
      send(12);

      await().atMost(PATIENCE).until(() -> heads().nextVersion(bundle.task().name()) > first);
      HeadInfo next = head(first);
      assertThat((long) next.verdict().judged()).isLessThanOrEqualTo(sent - through - 1);
      assertThat(next.verdict().numbers().get("memory")).isGreaterThan(60);
    }
  }

  @Test
  void aSecondTrainerFencesTheFirstWhichStopsAndSaysSo() throws Exception {
    try (Trainer first = started()) {
      awaitUp(first);
      try (Trainer second = started()) {
        awaitUp(second);
        await()
            .atMost(PATIENCE)
            .pollInterval(Duration.ofSeconds(1))
            .until(
                () -> {
                  send(20); // it learns of the other when it writes, and not every time it may
                  return first.health().cause().contains("taken over");
                });
        assertThat(first.health().up()).isFalse();
        awaitLive(1);
        assertThat(second.health().up()).as(second.health().cause()).isTrue();
      }
    }
  }

  @Test
  void waitsForABrokerThatIsAwayAndLearnsOn() throws Exception {
    try (Trainer trainer = started()) {
      send(60);
      awaitLive(1);
      long before = heads().nextVersion(bundle.task().name());
      broker.stop();
      broker.restart();
      send(60);

      await()
          .atMost(PATIENCE)
          .ignoreExceptions()
          .until(() -> heads().nextVersion(bundle.task().name()) > before);
      await().atMost(PATIENCE).until(() -> trainer.health().up());
    }
  }

  @Test
  void closingIsIdempotentAndEndsTheWork() throws Exception {
    Trainer trainer = started();
    send(200);

    trainer.close();
    trainer.close();

    assertThat(trainer.health().up()).isFalse();
    assertThat(trainer.health().cause()).isEqualTo("closed");
  }

  private Trainer started() {
    AdaptSettings defaults = AdaptSettings.of(name + "-trainer");
    AdaptSettings settings =
        new AdaptSettings(
            defaults.transactionalId(),
            defaults.samples(),
            defaults.growth(),
            defaults.interval(),
            defaults.memory(),
            defaults.folds(),
            defaults.balance(),
            new FitSettings("cpu", 1, 0.05, 25, 60),
            HeadSettings.DEFAULT,
            defaults.closeTimeout());
    Trainer trainer =
        new Trainer(
            settings,
            GateSettings.DEFAULT,
            bundle,
            topics,
            kafka(),
            TrainerMetrics.NOOP,
            Clock.systemUTC());
    trainer.start();
    return trainer;
  }

  private static Map<String, Object> kafka() {
    return Map.of("bootstrap.servers", broker.bootstrapServers());
  }

  private HeadPublisher publisher(String id) {
    return new HeadPublisher(kafka(), topics.heads(), name + id, HeadSettings.DEFAULT);
  }

  private void send(int count) throws Exception {
    try (KafkaProducer<String, byte[]> producer = producer()) {
      for (int i = 0; i < count; i++, sent++) {
        byte[] sample = bytes(samples, "r" + sent, sent % 3);
        producer.send(new ProducerRecord<>(topics.samples().name(), 0, "r" + sent, sample));
      }
      producer.flush();
    }
  }

  private void sendBytes(byte[] value) throws Exception {
    try (KafkaProducer<String, byte[]> producer = producer()) {
      producer.send(new ProducerRecord<>(topics.samples().name(), 0, "k", value)).get();
    }
  }

  private byte[] bytes(Samples from, String id, int label) {
    return topics.samples().value().serializer().serialize("", from.of(id, label));
  }

  private static KafkaProducer<String, byte[]> producer() {
    return new KafkaProducer<>(kafka(), new StringSerializer(), new ByteArraySerializer());
  }

  private HeadLog heads() {
    return HeadLog.read(kafka(), topics.heads());
  }

  private long liveVersion() {
    return heads().live(bundle.task().name()).map(LivePointer::version).orElse(-1L);
  }

  private HeadInfo head(long version) {
    List<HeadInfo> versions = heads().versions(bundle.task().name());
    return versions.stream().filter(h -> h.version() == version).findFirst().orElseThrow();
  }

  private long trainedThrough() {
    return head(liveVersion()).verdict().numbers().get("trainedThrough.0").longValue();
  }

  private void awaitLive(long version) {
    await().atMost(PATIENCE).until(() -> liveVersion() >= version);
  }

  /** Until the head log no longer moves: every sample sent has been learned from or waits. */
  private void awaitIdle() {
    AtomicInteger last = new AtomicInteger(-1);
    await()
        .atMost(PATIENCE)
        .pollInterval(Duration.ofSeconds(1))
        .until(
            () -> {
              int now = (int) heads().nextVersion(bundle.task().name());
              return last.getAndSet(now) == now;
            });
  }

  private static void awaitUp(Trainer trainer) {
    await().atMost(PATIENCE).until(() -> trainer.health().up());
  }
}
