package dev.headwater.replay.traffic;

import dev.headwater.schema.ReaderConfig;
import dev.headwater.schema.Source;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.TopicSettings;
import dev.headwater.schema.TopicSetup;
import dev.headwater.schema.Topics;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * The topics of one replay, with a unique prefix, and clients for them.
 *
 * <p>A single idempotent producer writes the records to the partitions round-robin. Partition and
 * offset therefore identify the index of a record in the stream, independently of its id.
 */
public final class RunTopics {
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5);

  private final String prefix = "replay-" + UUID.randomUUID();
  private final TopicNames names = TopicNames.prefixed(prefix);
  private final Topics topics = Topics.of(names);
  private final Map<String, Object> kafka;
  private final TopicSettings settings;

  /**
   * Chooses a unique prefix; creates no topics yet.
   *
   * @param kafka client properties, with {@code bootstrap.servers}
   */
  public RunTopics(Map<String, Object> kafka, TopicSettings settings) {
    this.kafka = Map.copyOf(kafka);
    this.settings = settings;
  }

  public String prefix() {
    return prefix;
  }

  public Topics topics() {
    return topics;
  }

  public String records() {
    return topics.records().get(0).name();
  }

  int partitionOf(int index) {
    return index % settings.partitions();
  }

  public Source sourceOf(int index) {
    return new Source(records(), index % settings.partitions(), index / settings.partitions());
  }

  /** Returns the index of a record in the stream; -1 if it is not a record of this replay. */
  int indexOf(Source source) {
    return source.topic().equals(records())
        ? Math.toIntExact(source.offset() * settings.partitions() + source.partition())
        : -1;
  }

  /** Creates all topics, as {@code topics create} does. */
  public void create() {
    new TopicSetup(kafka, names, settings).create();
  }

  /** Deletes every topic with the prefix, including internal topics of Kafka Streams. */
  public void delete() throws InterruptedException {
    try (Admin admin = Admin.create(kafka)) {
      Set<String> ours =
          admin.listTopics().names().get().stream()
              .filter(name -> name.startsWith(prefix))
              .collect(Collectors.toSet());
      admin.deleteTopics(ours).all().get();
    } catch (ExecutionException e) {
      if (!(e.getCause() instanceof UnknownTopicOrPartitionException)) { // already deleted
        throw new IllegalStateException("cannot delete the topics " + prefix + "-*", e);
      }
    }
  }

  /** Returns a read_committed consumer at the beginning of all partitions of these topics. */
  public Consumer<byte[], byte[]> reader(String... names) {
    Consumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            ReaderConfig.of(kafka), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    try {
      List<TopicPartition> all =
          Arrays.stream(names)
              .flatMap(name -> consumer.partitionsFor(name).stream())
              .map(partition -> new TopicPartition(partition.topic(), partition.partition()))
              .toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      return consumer;
    } catch (RuntimeException e) {
      consumer.close();
      throw e;
    }
  }

  /** Returns an idempotent producer whose close times out if the broker is unreachable. */
  public Producer<byte[], byte[]> producer() {
    Map<String, Object> config = new HashMap<>(kafka);
    config.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
    config.put(ProducerConfig.LINGER_MS_CONFIG, 0);
    return new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer()) {
      @Override
      public void close() {
        close(CLOSE_TIMEOUT);
      }
    };
  }
}
