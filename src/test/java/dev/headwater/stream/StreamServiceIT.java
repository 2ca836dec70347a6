package dev.headwater.stream;

import static dev.headwater.stream.Deployment.PATIENCE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.Bundles;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.Signatures;
import dev.headwater.metrics.Health;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.metrics.InMemoryScorerMetrics.Counts;
import dev.headwater.metrics.ScorerMetrics;
import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Prediction;
import dev.headwater.schema.Sample;
import dev.headwater.schema.TaskPrediction;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.selection.Selection;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.consumer.ConsumerInterceptor;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class StreamServiceIT {
  private static final Selection ALL_UNSURE = new Selection(0, 1);
  private static final Selection NONE = new Selection(0, 0);
  private static final int DIM = 4;
  private static final int EARLY = 120;
  private static final int CLASSES = 3;

  @TempDir static Path directory;
  private static EmbeddedBroker broker;
  private static Bundle bundle;

  @TempDir Path state;

  @BeforeAll
  static void start() throws Exception {
    broker = EmbeddedBroker.start(directory.resolve("broker"));
    bundle = Bundles.tabular(Files.createDirectory(directory.resolve("bundle")), DIM, CLASSES);
  }

  @AfterAll
  static void stop() {
    broker.close();
  }

  @ParameterizedTest
  @CsvSource({"EXACTLY_ONCE_V2, CLASSIC", "EXACTLY_ONCE_V2, STREAMS", "AT_LEAST_ONCE, CLASSIC"})
  void scoresAsksAndLearnsUnderEitherProtocolAndGuarantee(
      StreamSettings.Guarantee guarantee, StreamSettings.Protocol protocol) {
    String name = "core-" + protocol.property() + "-" + guarantee.property();
    try (Deployment on = new Deployment(broker.bootstrapServers(), name, 2);
        StreamService service =
            on.service(
                Deployment.settings(
                    name, state, ALL_UNSURE, guarantee, protocol, Duration.ofDays(1)),
                bundle)) {
      service.start();
      on.send("{\"id\": \"a\", \"x\": [1, 2, 3, 4]}");
      on.send("{\"id\": \"b\", \"x\": [1, 2, 3]}");
      on.send("{\"id\": \"c\", \"x\": [4, 3, 2, 1], \"label\": \"label-2\"}");
      on.label("a", "kind", "label-1");

      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () ->
                  assertThat(on.committed(on.topics.samples()))
                      .extracting(r -> r.value().getRecordId() + "=" + r.value().getLabel())
                      .containsExactlyInAnyOrder("a=label-1", "c=label-2"));
      assertThat(service.ready().up()).as(service.ready().cause()).isTrue();
      assertThat(service.live().up()).as(service.live().cause()).isTrue();
      assertThat(on.committed(on.topics.predictions()))
          .extracting(r -> r.value().recordId())
          .containsExactly("a", "c");
      assertThat(on.committed(on.topics.deadLetters()))
          .extracting(r -> Deployment.header(r, "headwater-record-id"))
          .containsExactly("b");
      assertThat(on.metrics.counts()).isEqualTo(new Counts(3, 2, 1, 1, 1, 1, 0, 0, 2, 1, 0));
    }
  }

  @Test
  void theLagIsTheRealBacklogHoweverScoringIsHeldUp() throws Exception {
    AtomicBoolean hold = new AtomicBoolean();
    CountDownLatch held = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    ScorerMetrics heldUp =
        new ScorerMetrics() {
          @Override
          public void received() {
            if (!hold.get()) {
              return;
            }
            held.countDown();
            try {
              goOn.await();
            } catch (InterruptedException e) {
              Thread.currentThread().interrupt();
            }
          }
        };
    SimpleMeterRegistry registry = new SimpleMeterRegistry();
    try (Deployment on = new Deployment(broker.bootstrapServers(), "my.lag", 2);
        StreamService service =
            new StreamService(
                Deployment.settings("my.lag", state, ALL_UNSURE),
                bundle,
                new ScoringSettings(2, 1, 16, false),
                on.topics,
                on.kafka,
                Signatures.NONE,
                heldUp)) {
      service.bindTo(registry);
      send(on, 0);
      send(on, 1);
      service.start();
      await().atMost(PATIENCE).until(() -> on.committed(on.topics.predictions()).size() == 2);

      hold.set(true);
      for (int i = 2; i < 32; i++) {
        send(on, i);
      }
      assertThat(held.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      await().atMost(PATIENCE).until(() -> lag(registry, on.topics.records().get(0)) == 30);

      for (int i = 32; i < 102; i++) {
        send(on, i);
      }
      await().atMost(PATIENCE).until(() -> lag(registry, on.topics.records().get(0)) == 100);

      goOn.countDown();
      for (Topic<?, ?> topic : List.of(on.topics.records().get(0), on.topics.pending())) {
        await().atMost(PATIENCE).until(() -> lag(registry, topic) == 0);
      }
      assertThat(on.committed(on.topics.predictions())).hasSize(102);
    }
  }

  /** The join keeps what its topics take, in changelogs that nobody but Streams makes. */
  @Test
  void whatIsRaisedForLargeSamplesIsRaisedForTheirChangelogsToo(@TempDir Path large)
      throws Exception {
    int features = 400_000; // 1.6 MB, beyond what a topic takes by itself
    Bundle wide = Bundles.tensors(large, 1, features, 2);
    try (Deployment on = new Deployment(broker.bootstrapServers(), "large", 1);
        Admin admin = Admin.create(on.kafka)) {
      for (Topic<?, ?> topic : List.of(on.topics.pending(), on.topics.samples())) {
        limit(admin, topic.name(), 8 << 20);
      }
      Map<String, Object> kafka = new HashMap<>(on.kafka);
      kafka.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, 8 << 20);
      try (KafkaProducer<byte[], byte[]> producer =
          new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
        try (StreamService service = large(on, wide, kafka)) {
          service.start();
          producer.send(record(on, "a")).get();
          on.label("a", wide.task().name(), "label-1");
          await().atMost(PATIENCE).until(() -> on.committed(on.topics.samples()).size() == 1);
        }
        limit(admin, "large-waiting-by-id-changelog", 1 << 20);
        try (StreamService service = large(on, wide, kafka)) {
          service.start();
          producer.send(record(on, "b")).get();
          await().atMost(PATIENCE).until(() -> on.committed(on.topics.deadLetters()).size() == 1);
          assertThat(service.live().up()).isTrue();
        }
      }
      assertThat(on.committed(on.topics.deadLetters()))
          .extracting(r -> Deployment.header(r, "__streams.errors.message"))
          .singleElement()
          .asString()
          .contains("on topic large-pending");
    }
  }

  private StreamService large(Deployment on, Bundle bundle, Map<String, Object> kafka) {
    return new StreamService(
        Deployment.settings("large", state, new Selection(1, 0)),
        bundle,
        new ScoringSettings(1, 1, 16, false),
        on.topics,
        kafka,
        Signatures.NONE,
        on.metrics);
  }

  private static ProducerRecord<byte[], byte[]> record(Deployment on, String id) {
    return new ProducerRecord<>(
        on.topics.records().get(0).name(),
        0,
        id.getBytes(UTF_8),
        new byte[Float.BYTES],
        List.of(new RecordHeader("headwater-record-id", id.getBytes(UTF_8))));
  }

  private static void limit(Admin admin, String topic, int bytes) throws Exception {
    alter(admin, topic, TopicConfig.MAX_MESSAGE_BYTES_CONFIG, Integer.toString(bytes));
  }

  private static void alter(Admin admin, String topic, String key, String value) throws Exception {
    admin
        .incrementalAlterConfigs(
            Map.of(
                new ConfigResource(ConfigResource.Type.TOPIC, topic),
                List.of(new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET))))
        .all()
        .get();
  }

  private static void send(Deployment on, int i) throws Exception {
    String record = "{\"id\": \"r%d\", \"x\": [1, %d, 3, 4]}".formatted(i, i);
    on.sent(i % 2, "key", record.getBytes(UTF_8));
  }

  private static double lag(SimpleMeterRegistry registry, Topic<?, ?> topic) {
    return registry.get("headwater.consumer.lag").tag("topic", topic.name()).gauge().value();
  }

  @Test
  void scoresUnderTheHeadPublishedBeforeItStarted() {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "before", 1);
        HeadPublisher publisher = on.publisher()) {
      publisher.promote(TestHead.of(bundle, 1), "test");
      on.send("{\"id\": \"a\", \"x\": [1, 2, 3, 4]}");

      try (StreamService service = on.service(Deployment.settings("before", state, NONE), bundle)) {
        service.start();
        await().atMost(PATIENCE).until(() -> on.metrics.counts().predicted() == 1);
      }

      TaskPrediction prediction = on.committed(on.topics.predictions()).get(0).value().leading();
      assertThat(prediction.headVersion()).as("not the bundle's own").isEqualTo(1);
      assertThat(prediction.label()).isEqualTo("label-1");
      assertThat(on.metrics.counts()).isEqualTo(new Counts(1, 1, 0, 0, 0, 0, 0, 0, 1, 2, 0));
    }
  }

  @Test
  void swapsTheHeadWhileItScoresAndSaysWhichOneSpoke() {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "swap", 1);
        HeadPublisher publisher = on.publisher();
        StreamService service = on.service(Deployment.settings("swap", state, NONE), bundle)) {
      service.start();
      for (long version = 1; version <= 3; version++) {
        publisher.promote(TestHead.of(bundle, version), "test");
        long swaps = version + 1;
        await().atMost(PATIENCE).until(() -> on.metrics.counts().swaps() == swaps);
        on.send("{\"id\": \"v" + version + "\", \"x\": [1, 2, 3, 4]}");
        long predicted = version;
        await().atMost(PATIENCE).until(() -> on.metrics.counts().predicted() == predicted);
      }
      publisher.point("kind", 1, false, "test");
      await().atMost(PATIENCE).until(() -> on.metrics.counts().swaps() == 5);
      on.send("{\"id\": \"rolled-back\", \"x\": [1, 2, 3, 4]}");
      await().atMost(PATIENCE).until(() -> on.metrics.counts().predicted() == 4);
      service.close();

      List<ConsumerRecord<byte[], Prediction>> predictions = on.committed(on.topics.predictions());
      assertThat(predictions)
          .extracting(r -> r.value().leading().headVersion())
          .as("a rollback is a new pointer to an old head")
          .containsExactly(1L, 2L, 3L, 1L);
      assertThat(predictions)
          .allSatisfy(
              r -> {
                assertThat(r.value().leading().label())
                    .isEqualTo(TestHead.label(bundle, r.value().leading().headVersion()));
                assertThat(Deployment.header(r, "headwater-head-version"))
                    .isEqualTo(Long.toString(r.value().leading().headVersion()));
              });
      assertThat(on.metrics.counts()).isEqualTo(new Counts(4, 4, 0, 0, 0, 0, 0, 0, 4, 5, 0));
    }
  }

  @Test
  void scoresSeveralRecordsTopicsAndTellsTheirRecordsApart() throws Exception {
    // records without ids of their own
    Bundle tensors = Bundles.tensors(Files.createDirectory(state.resolve("bundle")), DIM, CLASSES);
    TopicNames one = TopicNames.prefixed("several");
    TopicNames names =
        new TopicNames(
            List.of("several-a", "several-b"),
            one.predictions(),
            one.review(),
            one.labels(),
            one.pending(),
            one.labelsById(),
            one.samples(),
            one.heads(),
            one.deadLetters());
    try (Deployment on = new Deployment(broker.bootstrapServers(), names, 1);
        StreamService service =
            on.service(Deployment.settings("several", state.resolve("s"), ALL_UNSURE), tensors)) {
      service.start();
      for (String topic : names.records()) {
        on.send(topic, new byte[DIM * Float.BYTES]);
      }
      on.label("several-b-0-0", "kind", "label-1");

      await().atMost(PATIENCE).until(() -> on.committed(on.topics.samples()).size() == 1);
      service.close();

      assertThat(on.committed(on.topics.predictions()))
          .as("at the same partition and offset of their topics")
          .extracting(r -> r.value().recordId())
          .containsExactlyInAnyOrder("several-a-0-0", "several-b-0-0");
      assertThat(on.committed(on.topics.predictions()))
          .extracting(r -> r.value().source().topic())
          .containsExactlyInAnyOrder("several-a", "several-b");
      assertThat(on.committed(on.topics.samples()))
          .extracting(r -> r.value().getRecordId())
          .containsExactly("several-b-0-0");
      assertThat(on.metrics.counts().predicted()).isEqualTo(2);
    }
  }

  @Test
  void isReadyAndScoresWhileTheLabelJoinRestoresItsStores() {
    Topic<byte[], byte[]> changelog =
        new Topic<>("restore-early-labels-by-id-changelog", Serdes.ByteArray(), Serdes.ByteArray());
    try (Deployment on = new Deployment(broker.bootstrapServers(), "restore", 1)) {
      // given: labels that wait in the join's store, and a scorer that lost its state
      try (StreamService first =
          on.service(Deployment.settings("restore", state.resolve("a"), ALL_UNSURE), bundle)) {
        first.start();
        for (int i = 1; i < EARLY; i++) {
          on.labelLater("later-" + i, "kind", "label-1");
        }
        on.label("late", "kind", "label-1");
        await().atMost(PATIENCE).until(() -> on.committed(changelog).size() == EARLY);
      }
      Map<String, Object> kafka = new HashMap<>(on.kafka);
      kafka.put("restore.consumer.max.poll.records", 1);
      kafka.put("restore.consumer.interceptor.classes", SlowRestore.class.getName());
      try (StreamService second =
          new StreamService(
              Deployment.settings("restore", state.resolve("b"), ALL_UNSURE),
              bundle,
              new ScoringSettings(2, 1, 16, false),
              on.topics,
              kafka,
              Signatures.NONE,
              on.metrics)) {
        try {
          // when
          second.start();
          await().atMost(PATIENCE).until(() -> SlowRestore.BEGUN.getCount() == 0);
          on.send("{\"id\": \"late\", \"x\": [1, 2, 3, 4]}");

          // then
          await().atMost(PATIENCE).until(() -> on.metrics.counts().predicted() == 1);
          assertThat(second.ready().up()).as(second.ready().cause()).isTrue();
          assertThat(on.metrics.counts().labelsMatched()).as("not restored yet").isZero();
        } finally {
          SlowRestore.GO_ON.countDown();
        }
        await().atMost(PATIENCE).until(() -> on.metrics.counts().labelsMatched() == 1);
        assertThat(second.ready().up()).as(second.ready().cause()).isTrue();
      }
    }
  }

  @Test
  void startsOverAStoreThatAKillLeftHalfMade() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "half", 1)) {
      StreamSettings settings = Deployment.settings("half", state, ALL_UNSURE);
      try (StreamService first = on.service(settings, bundle)) {
        first.start();
        on.label("late", "kind", "label-1");
        await().atMost(PATIENCE).until(() -> on.metrics.counts().labelsReceived() == 1);
      }
      assertThat(unmake(state)).as("stores whose log is all there is of them").isPositive();

      try (StreamService second = on.service(settings, bundle)) {
        second.start();
        on.send("{\"id\": \"late\", \"x\": [1, 2, 3, 4]}");

        await().atMost(PATIENCE).until(() -> on.metrics.counts().labelsMatched() == 1);
        assertThat(second.live().up()).as(second.live().cause()).isTrue();
      }
    }
  }

  /** RocksDB writes the log of a new store before it says in CURRENT that there is one. */
  private static int unmake(Path state) throws Exception {
    try (Stream<Path> files = Files.walk(state)) {
      List<Path> current = files.filter(file -> file.endsWith("CURRENT")).toList();
      for (Path file : current) {
        Files.delete(file);
      }
      return current.size();
    }
  }

  /**
   * Restores record by record, each after a pause, till told to go on: it is one thread that
   * restores stores and takes tasks without any up, so that holding it would hold up scoring too.
   */
  public static final class SlowRestore implements ConsumerInterceptor<byte[], byte[]> {
    private static final CountDownLatch BEGUN = new CountDownLatch(1);
    private static final CountDownLatch GO_ON = new CountDownLatch(1);

    @Override
    public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
      BEGUN.countDown();
      try {
        GO_ON.await(1, TimeUnit.SECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      return records;
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

    @Override
    public void close() {}

    @Override
    public void configure(Map<String, ?> configs) {}
  }

  @Test
  void asksForEveryRecordUntilTheFirstHeadSwitchesScoringOn() throws Exception {
    Path files = Files.createDirectory(state.resolve("bundle"));
    Bundle cold = Bundles.coldStart(files, DIM);
    try (Deployment on = new Deployment(broker.bootstrapServers(), "cold", 1);
        StreamService service =
            on.service(Deployment.settings("cold", state.resolve("s"), NONE), cold)) {
      service.start();
      on.send("my card was lost");
      await().atMost(PATIENCE).until(() -> on.metrics.counts().reviewed() == 1);
      assertThat(service.ready().up()).as("a declared cold start is ready").isTrue();
      assertThat(service.ready().cause()).contains("cold start");
      service.close();

      TaskPrediction prediction = on.committed(on.topics.predictions()).get(0).value().leading();
      assertThat(prediction.label()).isNull();
      assertThat(prediction.confidence()).isZero();
      Sample pending = on.committed(on.topics.pending()).get(0).value();
      assertThat(pending.getDim()).isEqualTo(DIM);
      assertThat(on.metrics.counts()).isEqualTo(new Counts(1, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0));
    }
  }

  @Test
  void keepsScoringWhenPartitionsAreAddedToRecords() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "grow", 1);
        Admin admin = Admin.create(on.kafka);
        StreamService service =
            on.service(Deployment.settings("grow", state, ALL_UNSURE), bundle)) {
      service.start();
      on.send("{\"id\": \"a\", \"x\": [1, 2, 3, 4]}");
      await().atMost(PATIENCE).until(() -> on.metrics.counts().predicted() == 1);

      admin.createPartitions(Map.of("grow-records", NewPartitions.increaseTo(3))).all().get();
      on.label("a", "kind", "label-0");
      await().atMost(PATIENCE).until(() -> on.metrics.counts().labelsMatched() == 1);
      await().atMost(PATIENCE).until(() -> partitions(admin, "grow-records") == 3);
      byte[] value = "{\"id\": \"b\", \"x\": [1, 2, 3, 4]}".getBytes(UTF_8);
      await()
          .atMost(PATIENCE)
          .ignoreExceptions() // the producer may not have heard of the partition yet
          .until(() -> on.sent(2, "key", value));

      await().atMost(PATIENCE).until(() -> on.metrics.counts().predicted() == 2);
      assertThat(service.live().up()).as(service.live().cause()).isTrue();
      assertThat(on.metrics.counts()).isEqualTo(new Counts(2, 2, 0, 2, 1, 1, 0, 0, 2, 1, 0));
    }
  }

  private static int partitions(Admin admin, String topic) throws Exception {
    return admin
        .describeTopics(List.of(topic))
        .allTopicNames()
        .get()
        .get(topic)
        .partitions()
        .size();
  }

  @Test
  void goesOnAfterTheBrokerWasAway() {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "outage", 1);
        StreamService service = on.service(Deployment.settings("outage", state, NONE), bundle)) {
      service.start();
      on.send("{\"id\": \"before\", \"x\": [1, 2, 3, 4]}");
      await().atMost(PATIENCE).until(() -> on.committed(on.topics.predictions()).size() == 1);

      broker.stop();
      await()
          .atMost(PATIENCE)
          .untilAsserted(
              () -> {
                Health ready = service.ready();
                assertThat(ready.up()).isFalse();
                assertThat(ready.cause()).contains("failed, retrying: ");
                assertThat(ready.parts().get("heads").up()).isFalse();
                assertThat(ready.parts().get("head").up()).as("the last good one").isTrue();
              });
      assertThat(service.live().up()).as("a restart would mend nothing").isTrue();
      broker.restart();
      on.send("{\"id\": \"after\", \"x\": [1, 2, 3, 4]}");

      predictsAndStaysAlive(on, service, "before", "after");
      await().atMost(PATIENCE).until(() -> service.ready().up());
    }
  }

  @Test
  void isAliveAndSaysWhatItWaitsForWhileTheBrokerIsAwayAtItsStart() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "early", 1);
        StreamService service = on.service(Deployment.settings("early", state, NONE), bundle)) {
      broker.stop();
      CompletableFuture<Void> start = CompletableFuture.runAsync(service::start);
      await()
          .atMost(PATIENCE)
          .until(() -> service.ready().cause().contains("the broker does not answer"));
      assertThat(service.ready().up()).isFalse();
      assertThat(service.live().up()).as("a restart would mend nothing").isTrue();
      assertThat(start).isNotDone();

      broker.restart();
      start.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
      on.send("{\"id\": \"first\", \"x\": [1, 2, 3, 4]}");
      await().atMost(PATIENCE).until(() -> on.committed(on.topics.predictions()).size() == 1);
      assertThat(service.ready().up()).as(service.ready().cause()).isTrue();
    }
  }

  @Test
  void startsNothingOnceNobodyWaitsForTheBroker() {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "left", 1);
        StreamService service = on.service(Deployment.settings("left", state, NONE), bundle)) {
      broker.stop();
      service.start(() -> service.ready().cause().contains("the broker does not answer"));

      assertThat(service.ready().up()).isFalse();
    } finally {
      broker.restart();
    }
  }

  @Test
  void refusesToStartWithoutItsTopicsNamingEveryOneMissing() {
    Topics none = Topics.of(TopicNames.prefixed("nowhere"));
    try (StreamService service =
        new StreamService(
            Deployment.settings("nowhere", state, NONE),
            bundle,
            new ScoringSettings(1, 1, 16, false),
            none,
            Map.of("bootstrap.servers", broker.bootstrapServers()),
            Signatures.NONE,
            new InMemoryScorerMetrics())) {
      assertThatThrownBy(service::start)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("nowhere-records, nowhere-review, nowhere-samples")
          .hasMessageContaining("topics create");
      assertThat(service.ready().up()).isFalse();
    }
  }

  @Test
  void refusesToStartWhereTheJoinWouldNotSeeSomeLabels() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "uneven", 1);
        Admin admin = Admin.create(on.kafka);
        StreamService service = on.service(Deployment.settings("uneven", state, NONE), bundle)) {
      admin.createPartitions(Map.of("uneven-pending", NewPartitions.increaseTo(3))).all().get();
      await().atMost(PATIENCE).until(() -> partitions(admin, "uneven-pending") == 3);

      assertThatThrownBy(service::start)
          .hasMessageContaining("uneven-pending has 3 partitions and uneven-labels-by-id has 2");
    }
  }

  @Test
  void tellsTheCauseOnceATopicIsDeletedUnderIt() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "gone", 1);
        Admin admin = Admin.create(on.kafka);
        StreamService service = on.service(Deployment.settings("gone", state, NONE), bundle)) {
      service.start();
      await().atMost(PATIENCE).until(() -> service.ready().up());

      admin.deleteTopics(List.of("gone-records")).all().get();

      await().atMost(Duration.ofMinutes(3)).until(() -> !service.live().up());
      assertThat(service.live().cause()).contains("source topics were missing");
      assertThat(service.ready().up()).as("not live is not ready").isFalse();
    }
  }

  /**
   * As a broker that has just come back may tell of fewer topics than it has. Where the broker
   * assigns partitions, Streams waits for them by itself.
   */
  @ParameterizedTest
  @EnumSource
  void goesOnWhereATopicIsMissingForAMomentOnly(StreamSettings.Protocol protocol) throws Exception {
    String name = "moment-" + protocol.property();
    StreamSettings settings =
        Deployment.settings(
            name,
            state,
            NONE,
            StreamSettings.Guarantee.EXACTLY_ONCE_V2,
            protocol,
            Duration.ofDays(1));
    boolean classic = protocol == StreamSettings.Protocol.CLASSIC;
    try (Deployment on = new Deployment(broker.bootstrapServers(), name, 1);
        Admin admin = Admin.create(on.kafka);
        StreamService service = on.service(settings, bundle)) {
      service.start();
      await().atMost(PATIENCE).until(() -> service.ready().up());

      admin.deleteTopics(List.of(name + "-records")).all().get();
      await()
          .atMost(Duration.ofMinutes(3))
          .pollInterval(Duration.ofMillis(20))
          .until(() -> classic ? asksForTopics() : !service.ready().up());
      on.createTopics();
      on.send("{\"id\": \"after\", \"x\": [1, 2, 3, 4]}");

      predictsAndStaysAlive(on, service, "after");
    }
  }

  /** As where the broker's name does not resolve by then: whoever takes over cannot be made. */
  @Test
  void isNotLiveOnceAStreamThreadCannotBeReplaced() throws Exception {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "lost", 1);
        Admin admin = Admin.create(on.kafka)) {
      Map<String, Object> kafka = new HashMap<>(on.kafka);
      kafka.put("consumer.interceptor.classes", Unmakeable.class.getName());
      Unmakeable.now = false;
      try (StreamService service =
          new StreamService(
              Deployment.settings("lost", state, NONE),
              bundle,
              new ScoringSettings(2, 1, 16, false),
              on.topics,
              kafka,
              Signatures.NONE,
              on.metrics)) {
        service.start();
        await().atMost(PATIENCE).until(() -> service.ready().up());
        assertThat(service.live().up()).as(service.live().cause()).isTrue();
        Unmakeable.now = true;

        admin.deleteTopics(List.of("lost-records")).all().get();
        await()
            .atMost(Duration.ofMinutes(3))
            .pollInterval(Duration.ofMillis(20))
            .until(StreamServiceIT::asksForTopics);
        on.createTopics();

        await().atMost(PATIENCE).until(() -> !service.live().up());
        assertThat(service.live().cause()).contains("stream threads are running");
      }
    }
  }

  /** Of which no other can be made. */
  public static final class Unmakeable implements ConsumerInterceptor<byte[], byte[]> {
    private static volatile boolean now;

    @Override
    public ConsumerRecords<byte[], byte[]> onConsume(ConsumerRecords<byte[], byte[]> records) {
      return records;
    }

    @Override
    public void onCommit(Map<TopicPartition, OffsetAndMetadata> offsets) {}

    @Override
    public void close() {}

    @Override
    public void configure(Map<String, ?> configs) {
      if (now) {
        throw new IllegalStateException("as it was asked to");
      }
    }
  }

  private static void predictsAndStaysAlive(
      Deployment on, StreamService service, String... recordIds) {
    await()
        .atMost(PATIENCE)
        .untilAsserted(
            () ->
                assertThat(on.committed(on.topics.predictions()))
                    .extracting(r -> r.value().recordId())
                    .containsExactly(recordIds));
    assertThat(service.live().up()).as(service.live().cause()).isTrue();
  }

  /** Whether a stream thread has met a rebalance that missed a topic. */
  private static boolean asksForTopics() throws NoSuchMethodException {
    String check = StreamService.class.getDeclaredMethod("topicsExist").getName();
    return Thread.getAllStackTraces().values().stream()
        .flatMap(Stream::of)
        .anyMatch(frame -> frame.getMethodName().equals(check));
  }

  @Test
  void saysWhyItIsNotReadyBeforeItStarts() {
    try (Deployment on = new Deployment(broker.bootstrapServers(), "unstarted", 1);
        StreamService service = on.service(Deployment.settings("unstarted", state, NONE), bundle)) {
      assertThat(service.ready().up()).isFalse();
      assertThat(service.ready().cause()).contains("not started");
      assertThat(service.live().up()).isTrue();

      service.close();
      service.close();

      assertThat(service.live().cause()).isEqualTo("closed");
      assertThatThrownBy(service::start).isInstanceOf(IllegalStateException.class);
    }
  }
}
