package dev.headwater.stream;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.Bundle;
import dev.headwater.heads.HeadPublisher;
import dev.headwater.heads.HeadSettings;
import dev.headwater.heads.Signatures;
import dev.headwater.metrics.InMemoryScorerMetrics;
import dev.headwater.schema.Label;
import dev.headwater.schema.Topic;
import dev.headwater.schema.TopicNames;
import dev.headwater.schema.TopicSettings;
import dev.headwater.schema.TopicSetup;
import dev.headwater.schema.Topics;
import dev.headwater.schema.format.Formats;
import dev.headwater.scoring.ScoringSettings;
import dev.headwater.stream.selection.Selection;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The topics of one deployment on a broker, a way to write to them and to read what committed. */
public final class Deployment implements AutoCloseable {
  public static final Duration PATIENCE = Duration.ofSeconds(90);

  public final TopicNames names;
  public final Topics topics;
  public final Map<String, Object> kafka;
  final InMemoryScorerMetrics metrics = new InMemoryScorerMetrics();
  private final TopicSettings settings;
  private final KafkaProducer<byte[], byte[]> producer;

  Deployment(String bootstrap, String name, int partitions) {
    this(bootstrap, name, partitions, (short) 1);
  }

  public Deployment(String bootstrap, String name, int partitions, short replicas) {
    this(bootstrap, TopicNames.prefixed(name), partitions, replicas, Formats.JSON);
  }

  Deployment(String bootstrap, TopicNames names, int partitions) {
    this(bootstrap, names, partitions, (short) 1, Formats.JSON);
  }

  Deployment(String bootstrap, String name, int partitions, Formats formats) {
    this(bootstrap, TopicNames.prefixed(name), partitions, (short) 1, formats);
  }

  private Deployment(
      String bootstrap, TopicNames names, int partitions, short replicas, Formats formats) {
    this.names = names;
    topics = Topics.of(names, formats);
    // the second shows that client properties pass through: new partitions are soon found
    kafka = Map.of("bootstrap.servers", bootstrap, "metadata.max.age.ms", "1000");
    settings = new TopicSettings(partitions, 2, replicas, Duration.ofDays(1), Duration.ofDays(1));
    createTopics();
    producer = new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer());
  }

  /** Those that are missing. */
  public void createTopics() {
    new TopicSetup(kafka, names, settings).create();
  }

  StreamService service(StreamSettings settings, Bundle bundle) {
    return service(settings, bundle, Signatures.NONE);
  }

  StreamService service(StreamSettings settings, Bundle bundle, Signatures signatures) {
    return new StreamService(
        settings, bundle, new ScoringSettings(2, 1, 16, false), topics, kafka, signatures, metrics);
  }

  static StreamSettings settings(String application, Path stateDir, Selection selection) {
    return settings(
        application,
        stateDir,
        selection,
        StreamSettings.Guarantee.EXACTLY_ONCE_V2,
        StreamSettings.Protocol.CLASSIC,
        Duration.ofDays(1));
  }

  static StreamSettings settings(
      String application,
      Path stateDir,
      Selection selection,
      StreamSettings.Guarantee guarantee,
      StreamSettings.Protocol protocol,
      Duration labelWait) {
    return new StreamSettings(
        application,
        stateDir,
        1,
        guarantee,
        protocol,
        Duration.ofMillis(100),
        Duration.ofMillis(5),
        selection,
        0,
        labelWait,
        3,
        1 << 20,
        1 << 20,
        Duration.ofSeconds(30));
  }

  void send(int partition, String key, byte[] value, Header... headers) {
    producer.send(
        new ProducerRecord<>(
            names.records().get(0), partition, key.getBytes(UTF_8), value, List.of(headers)));
  }

  void send(String topic, byte[] value) {
    producer.send(new ProducerRecord<>(topic, 0, null, value));
    producer.flush();
  }

  boolean sent(int partition, String key, byte[] value) throws Exception {
    producer
        .send(new ProducerRecord<>(names.records().get(0), partition, key.getBytes(UTF_8), value))
        .get();
    return true;
  }

  void send(String value) {
    send(0, "key", value.getBytes(UTF_8));
    producer.flush();
  }

  void label(String recordId, String task, String label) {
    write(topics.labels(), null, Driven.json(new Label(recordId, task, label)));
  }

  void labelLater(String recordId, String task, String label) {
    byte[] value = Driven.json(new Label(recordId, task, label));
    producer.send(new ProducerRecord<>(topics.labels().name(), value));
  }

  public void write(Topic<?, ?> topic, byte[] key, byte[] value, Header... headers) {
    producer.send(new ProducerRecord<>(topic.name(), 0, key, value, List.of(headers)));
    producer.flush();
  }

  void flush() {
    producer.flush();
  }

  HeadPublisher publisher() {
    return publisher(Signatures.NONE);
  }

  public HeadPublisher publisher(Signatures signatures) {
    HeadSettings defaults = HeadSettings.DEFAULT;
    return new HeadPublisher(
        kafka,
        topics.heads(),
        names.heads() + "-test",
        new HeadSettings(defaults.keep(), defaults.chunkBytes(), signatures));
  }

  /** Everything committed on a topic by now, partition after partition. */
  public <K, V> List<ConsumerRecord<K, V>> committed(Topic<K, V> topic) {
    return read(topic, "read_committed");
  }

  /** Everything written to a topic by now, whatever became of its transactions. */
  public <K, V> List<ConsumerRecord<K, V>> written(Topic<K, V> topic) {
    return read(topic, "read_uncommitted");
  }

  private <K, V> List<ConsumerRecord<K, V>> read(Topic<K, V> topic, String isolation) {
    Map<String, Object> config =
        Map.of("bootstrap.servers", kafka.get("bootstrap.servers"), "isolation.level", isolation);
    try (KafkaConsumer<K, V> consumer =
        new KafkaConsumer<>(config, topic.key().deserializer(), topic.value().deserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic.name()).stream()
              .map(info -> new TopicPartition(topic.name(), info.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      List<ConsumerRecord<K, V>> records = new ArrayList<>();
      while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
      }
      return records;
    }
  }

  public static String header(ConsumerRecord<?, ?> record, String name) {
    Header header = record.headers().lastHeader(name);
    return header == null ? null : new String(header.value(), UTF_8);
  }

  @Override
  public void close() {
    producer.close();
  }
}
