package dev.headwater.replay;

import dev.headwater.schema.Source;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.Topics;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.CommonClientConfigs;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.TopicConfig;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The topics of one replay, under a prefix of its own, and plain clients for them.
 *
 * <p>Records are dealt to the partitions in turn by one idempotent producer, and nobody else writes
 * there: so partition and offset say which line of the stream a record was, whatever its id.
 */
final class RunTopics {
  private static final int PARTITIONS = 2;

  private final String prefix;
  private final Map<String, Object> kafka;
  private final Topics topics;

  /**
   * @param kafka client properties, with {@code bootstrap.servers}
   */
  RunTopics(Map<String, Object> kafka) {
    this.prefix = "replay-" + UUID.randomUUID();
    this.kafka = Map.copyOf(kafka);
    this.topics = Topics.of(TopicNames.prefixed(prefix));
  }

  String prefix() {
    return prefix;
  }

  Topics topics() {
    return topics;
  }

  String records() {
    return topics.records().get(0).name();
  }

  int partitionOf(int index) {
    return index % PARTITIONS;
  }

  Source sourceOf(int index) {
    return new Source(records(), index % PARTITIONS, index / PARTITIONS);
  }

  /** The line a record was; -1 for what is no record of this replay. */
  int indexOf(Source source) {
    return source.topic().equals(records())
        ? Math.toIntExact(source.offset() * PARTITIONS + source.partition())
        : -1;
  }

  void create() throws InterruptedException {
    Map<String, String> kept =
        Map.of(TopicConfig.RETENTION_MS_CONFIG, "-1", TopicConfig.CLEANUP_POLICY_CONFIG, "delete");
    Stream<NewTopic> deleted =
        Stream.of(
                records(),
                topics.predictions().name(),
                topics.review().name(),
                topics.labels().name(),
                topics.pending().name(),
                topics.labelsById().name(),
                topics.samples().name(),
                topics.deadLetters().name())
            .map(name -> new NewTopic(name, PARTITIONS, (short) -1).configs(kept));
    NewTopic heads =
        new NewTopic(topics.heads().name(), 1, (short) -1)
            .configs(Map.of(TopicConfig.CLEANUP_POLICY_CONFIG, TopicConfig.CLEANUP_POLICY_COMPACT));
    try (Admin admin = Admin.create(kafka)) {
      admin.createTopics(Stream.concat(deleted, Stream.of(heads)).toList()).all().get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(
          "cannot create the replay's topics on "
              + kafka.get(CommonClientConfigs.BOOTSTRAP_SERVERS_CONFIG)
              + ": "
              + e.getCause(),
          e);
    }
  }

  /** Deletes every topic under the prefix, those that Streams made for itself included. */
  void delete() throws InterruptedException {
    try (Admin admin = Admin.create(kafka)) {
      Set<String> ours =
          admin.listTopics().names().get().stream()
              .filter(name -> name.startsWith(prefix))
              .collect(Collectors.toSet());
      admin.deleteTopics(ours).all().get();
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) { // gone: as wanted
        throw new IllegalStateException("cannot delete the topics " + prefix + "-*", e);
      }
    }
  }

  /** A read_committed consumer at the beginning of all partitions of these topics. */
  Consumer<byte[], byte[]> reader(String... names) {
    Map<String, Object> config = new HashMap<>(kafka);
    config.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    Consumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    List<TopicPartition> all =
        Arrays.stream(names)
            .flatMap(name -> consumer.partitionsFor(name).stream())
            .map(partition -> new TopicPartition(partition.topic(), partition.partition()))
            .toList();
    consumer.assign(all);
    consumer.seekToBeginning(all);
    return consumer;
  }

  Producer<byte[], byte[]> producer() {
    Map<String, Object> config = new HashMap<>(kafka);
    config.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    config.put(ProducerConfig.LINGER_MS_CONFIG, 0);
    return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
  }
}
