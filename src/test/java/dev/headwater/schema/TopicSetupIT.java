package dev.headwater.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.headwater.replay.EmbeddedBroker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopicSetupIT {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final AtomicInteger DEPLOYMENTS = new AtomicInteger();
  private static final TopicSettings SETTINGS =
      new TopicSettings(3, 2, (short) 1, Duration.ofHours(36), Duration.ofDays(30));
  @TempDir static Path directory;
  private static EmbeddedBroker broker;
  private final String prefix = "t" + DEPLOYMENTS.incrementAndGet();
  private final TopicNames names = TopicNames.prefixed(prefix);
  private final TopicSetup setup = new TopicSetup(kafka(), names, SETTINGS);

  @BeforeAll
  static void startBroker() {
    broker = EmbeddedBroker.start(directory);
  }

  @AfterAll
  static void stopBroker() {
    broker.close();
  }

  @Test
  void createsEveryTopicAsItHasToBe() throws Exception {
    // when
    List<String> created = setup.create();

    // then
    assertThat(created)
        .containsExactlyInAnyOrder(
            prefix + "-records",
            prefix + "-labels",
            prefix + "-predictions",
            prefix + "-review",
            prefix + "-dead-letters",
            prefix + "-pending",
            prefix + "-labels-by-id",
            prefix + "-samples",
            prefix + "-heads");
    assertThat(partitions(names.records().get(0))).isEqualTo(3);
    assertThat(partitions(names.pending())).isEqualTo(2);
    assertThat(partitions(names.labelsById())).isEqualTo(2);
    assertThat(partitions(names.heads())).isEqualTo(1);
    assertThat(config(names.heads())).containsEntry("cleanup.policy", "compact");
    assertThat(config(names.pending()))
        .containsEntry("retention.ms", "129600000")
        .containsEntry("message.timestamp.type", "LogAppendTime");
    assertThat(config(names.samples()))
        .containsEntry("cleanup.policy", "delete")
        .containsEntry("compression.type", "zstd")
        .containsEntry("retention.ms", "2592000000");
    assertThat(setup.check()).as("what was just created is right").isEmpty();
  }

  @RepeatedTest(5)
  void whatItCreatedTakesWritesAtOnce() {
    setup.create();

    Map<String, Object> impatient = new HashMap<>(kafka());
    impatient.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, false);
    impatient.put(ProducerConfig.RETRIES_CONFIG, 0);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(impatient, new ByteArraySerializer(), new ByteArraySerializer())) {
      List<Future<RecordMetadata>> writes = new ArrayList<>();
      for (int partition = 0; partition < SETTINGS.partitions(); partition++) {
        writes.add(
            producer.send(new ProducerRecord<>(names.predictions(), partition, null, new byte[1])));
      }
      assertThat(writes).allSatisfy(write -> assertThat(write).succeedsWithin(PATIENCE));
    }
  }

  @Test
  void createsOnlyWhatIsMissing() throws Exception {
    // given
    create(names.predictions(), 7, Map.of());

    // when, then
    assertThat(setup.create()).hasSize(8).doesNotContain(names.predictions());
    assertThat(partitions(names.predictions())).as("left as it was").isEqualTo(7);
    assertThat(setup.create()).as("a second time").isEmpty();
    assertThat(setup.check()).isEmpty();
  }

  @Test
  void namesEveryTopicThatIsMissing() throws Exception {
    // given
    create(names.records().get(0), 1, Map.of());
    await().until(() -> setup.check().size() < 9);

    // when, then
    assertThat(setup.check())
        .hasSize(8)
        .allSatisfy(problem -> assertThat(problem).contains("does not exist"))
        .contains(
            "topic " + names.heads() + " does not exist: create it with 'headwater topics create'");
  }

  @ParameterizedTest
  @CsvSource({
    "heads, cleanup.policy, delete, compact",
    "heads, cleanup.policy, 'compact,delete', compact",
    "heads, max.message.bytes, 1000, at least 1048588",
    "samples, retention.ms, 3600000, at least 2592000000",
    "samples, retention.bytes, 1000000, -1",
    "samples, cleanup.policy, compact, delete",
    "samples, compression.type, gzip, zstd",
    "samples, message.timestamp.type, CreateTime, LogAppendTime",
    "pending, retention.ms, 3600000, at least 129600000",
    "pending, cleanup.policy, compact, delete",
    "labels-by-id, retention.ms, 129599999, at least 129600000",
    "labels-by-id, message.timestamp.type, CreateTime, LogAppendTime",
    "predictions, cleanup.policy, compact, delete",
    "predictions, message.timestamp.before.max.ms, 86400000, 9223372036854775807",
    "review, cleanup.policy, compact, delete",
    "dead-letters, cleanup.policy, compact, delete",
    "dead-letters, max.message.bytes, 1048588, at least 1114124",
  })
  void saysWhichSettingIsWrong(String topic, String key, String found, String expected)
      throws Exception {
    // given
    setup.create();
    alter(prefix + "-" + topic, key, found);

    // when, then
    awaitOneProblem(
        "topic %s-%s: %s is %s, expected %s".formatted(prefix, topic, key, found, expected));
  }

  @ParameterizedTest
  @CsvSource({"heads, 1", "pending, 2", "labels-by-id, 2"})
  void saysWhichPartitionCountIsWrong(String topic, int expected) throws Exception {
    // given
    setup.create();
    try (Admin admin = Admin.create(kafka())) {
      admin.createPartitions(Map.of(prefix + "-" + topic, NewPartitions.increaseTo(4))).all().get();
    }

    // when, then
    awaitOneProblem(
        "topic %s-%s: partition count is 4, expected %d (".formatted(prefix, topic, expected));
  }

  @Test
  void saysWhereThereAreTooFewReplicas() {
    // given
    setup.create();
    TopicSettings three =
        new TopicSettings(3, 2, (short) 3, Duration.ofHours(36), Duration.ofDays(30));

    // when, then
    assertThat(new TopicSetup(kafka(), names, three).check())
        .hasSize(9)
        .contains("topic " + names.heads() + ": replication factor is 1, expected at least 3");
  }

  @Test
  void acceptsMoreThanItAskedFor() throws Exception {
    // given
    setup.create();
    alter(names.samples(), "retention.ms", "-1");
    alter(names.pending(), "retention.ms", "2592000000");
    await()
        .untilAsserted(
            () -> assertThat(config(names.pending())).containsEntry("retention.ms", "2592000000"));

    // when, then
    assertThat(setup.check()).isEmpty();
  }

  @Test
  void passesOnWhatTheBrokerSays() {
    // given: three replicas on one broker
    TopicSettings three =
        new TopicSettings(3, 2, (short) 3, Duration.ofHours(36), Duration.ofDays(30));

    // when, then
    assertThatThrownBy(() -> new TopicSetup(kafka(), names, three).create())
        .isInstanceOf(KafkaException.class)
        .hasMessageContaining("replication factor");
  }

  /** A broker answers an admin before it has taken a change in. */
  private void awaitOneProblem(String start) {
    await()
        .untilAsserted(
            () -> assertThat(setup.check()).singleElement().asString().startsWith(start));
  }

  private static Map<String, Object> kafka() {
    return Map.of("bootstrap.servers", broker.bootstrapServers());
  }

  private static void create(String name, int partitions, Map<String, String> config)
      throws Exception {
    try (Admin admin = Admin.create(kafka())) {
      admin
          .createTopics(List.of(new NewTopic(name, partitions, (short) 1).configs(config)))
          .all()
          .get();
    }
  }

  private static void alter(String name, String key, String value) throws Exception {
    try (Admin admin = Admin.create(kafka())) {
      ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, name);
      AlterConfigOp set = new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
      admin.incrementalAlterConfigs(Map.of(topic, List.of(set))).all().get();
    }
  }

  private static int partitions(String name) throws Exception {
    try (Admin admin = Admin.create(kafka())) {
      TopicDescription topic = admin.describeTopics(List.of(name)).allTopicNames().get().get(name);
      return topic.partitions().size();
    }
  }

  private static Map<String, String> config(String name) throws Exception {
    try (Admin admin = Admin.create(kafka())) {
      ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, name);
      Map<String, String> values = new HashMap<>();
      admin
          .describeConfigs(List.of(topic))
          .all()
          .get()
          .get(topic)
          .entries()
          .forEach(entry -> values.put(entry.name(), entry.value()));
      return values;
    }
  }
}
