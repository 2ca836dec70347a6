package dev.headwater.adapt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.headwater.adapt.fit.FitSettings;
import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.gate.GateSettings;
import dev.headwater.gate.Gates;
import dev.headwater.heads.HeadLog;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadSettings;
import dev.headwater.heads.Signatures;
import dev.headwater.metrics.TrainerMetrics;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Head;
import dev.headwater.schema.HeadInfo;
import dev.headwater.schema.LivePointer;
import dev.headwater.schema.Sample;
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
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A broker, a bundle, and for each test the topics of a deployment with nobody on them. */
abstract class TrainerDeployment {
  static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final AtomicInteger DEPLOYMENTS = new AtomicInteger();

  @TempDir static Path directory;
  static EmbeddedBroker broker;
  static Bundle bundle;

  final String name = "trainer-it-" + DEPLOYMENTS.incrementAndGet();
  final TopicNames names = TopicNames.prefixed(name);
  final Topics topics = Topics.of(names);
  final Samples samples =
      new Samples(bundle.task().name(), bundle.task().fingerprint(), bundle.task().split().dim());
  final AtomicInteger intakes = new AtomicInteger();
  private final TrainerMetrics metrics =
      new TrainerMetrics() {
        @Override
        public void tookIn(Duration took) {
          assertThat(took).isPositive();
          intakes.incrementAndGet();
        }

        @Override
        public void withdrawn(String task, long version) {
          onWithdrawn(version);
        }

        @Override
        public void judged(String task, boolean accepted, String cause) {
          onJudged();
        }

        @Override
        public void drifted(String task, String cause) {
          onDrifted(task, cause);
        }
      };
  int sent;

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

  /** A trainer withdrew this head. */
  void onWithdrawn(long version) {}

  /** A trainer's detector has raised an alarm. */
  void onDrifted(String task, String cause) {}

  /** A trainer's candidate was judged, and is not published yet. */
  void onJudged() {}

  Trainer started() {
    return started(AdaptSettings.Promotion.AUTOMATIC);
  }

  Trainer started(AdaptSettings.Promotion promotion) {
    return started(promotion, false);
  }

  Trainer started(AdaptSettings.Promotion promotion, boolean alignUnlabelled) {
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
            defaults.closeTimeout(),
            promotion,
            defaults.drift(),
            alignUnlabelled);
    Trainer trainer =
        new Trainer(
            settings,
            new Gates(GateSettings.DEFAULT),
            bundle,
            topics,
            kafka(),
            metrics,
            Clock.systemUTC());
    trainer.start();
    return trainer;
  }

  static Map<String, Object> kafka() {
    return Map.of("bootstrap.servers", broker.bootstrapServers());
  }

  HeadPublisher publisher(String id) {
    return new HeadPublisher(kafka(), topics.heads(), name + id, HeadSettings.DEFAULT);
  }

  void send(int count) throws Exception {
    try (KafkaProducer<String, byte[]> producer = producer()) {
      for (int i = 0; i < count; i++, sent++) {
        byte[] sample = bytes(samples, "r" + sent, sent % 3);
        producer.send(new ProducerRecord<>(topics.samples().name(), 0, "r" + sent, sample));
      }
      producer.flush();
    }
  }

  void send(List<Sample> all) throws Exception {
    try (KafkaProducer<String, byte[]> producer = producer()) {
      for (Sample sample : all) {
        byte[] value = topics.samples().value().serializer().serialize("", sample);
        producer.send(
            new ProducerRecord<>(topics.samples().name(), 0, sample.getRecordId(), value));
      }
      producer.flush();
    }
  }

  void makeSamplesAnew() throws Exception {
    try (Admin admin = Admin.create(kafka())) {
      admin.deleteTopics(List.of(topics.samples().name())).all().get();
      await()
          .atMost(PATIENCE)
          .until(() -> !admin.listTopics().names().get().contains(topics.samples().name()));
    }
    createTopics();
  }

  void send(Sample sample) throws Exception {
    sendBytes(topics.samples().value().serializer().serialize("", sample));
  }

  void erase(String recordId) throws Exception {
    try (KafkaProducer<String, byte[]> producer = producer()) {
      producer.send(new ProducerRecord<>(topics.samples().name(), 0, recordId, null)).get();
    }
  }

  void sendBytes(byte[] value) throws Exception {
    sendTo(topics.samples().name(), "k", value);
  }

  void sendTo(String topic, String key, byte[] value) throws Exception {
    try (KafkaProducer<String, byte[]> producer = producer()) {
      producer.send(new ProducerRecord<>(topic, 0, key, value)).get();
    }
  }

  byte[] bytes(Samples from, String id, int label) {
    return topics.samples().value().serializer().serialize("", from.of(id, label));
  }

  private static KafkaProducer<String, byte[]> producer() {
    return new KafkaProducer<>(kafka(), new StringSerializer(), new ByteArraySerializer());
  }

  HeadLog heads() {
    return HeadLog.read(kafka(), topics.heads(), Signatures.NONE);
  }

  long liveVersion() {
    return heads().live(bundle.task().name()).map(LivePointer::version).orElse(-1L);
  }

  /** Of one look: what a trainer at work publishes between two is in one of them only. */
  Head live() {
    HeadLog now = heads();
    String task = bundle.task().name();
    return now.head(task, now.liveVersion(task)).orElseThrow();
  }

  HeadInfo head(long version) {
    List<HeadInfo> versions = heads().versions(bundle.task().name());
    return versions.stream().filter(h -> h.version() == version).findFirst().orElseThrow();
  }

  void awaitLive(long version) {
    await().atMost(PATIENCE).until(() -> liveVersion() >= version);
  }

  /** Until the head log no longer moves: every sample sent has been learned from or waits. */
  void awaitIdle() {
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

  static void awaitUp(Trainer trainer) {
    await().atMost(PATIENCE).until(() -> trainer.health().up());
  }
}
