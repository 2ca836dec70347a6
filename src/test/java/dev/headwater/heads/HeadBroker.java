package dev.headwater.heads;

import dev.headwater.replay.EmbeddedBroker;
import dev.headwater.schema.Topic;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringSerializer;

/** A broker, a heads topic for each test, and a way round the publisher. */
final class HeadBroker implements AutoCloseable {
  private static final AtomicInteger TOPICS = new AtomicInteger();
  final EmbeddedBroker broker;

  HeadBroker(Path directory) {
    broker = EmbeddedBroker.start(directory);
  }

  Map<String, Object> kafka() {
    return Map.of("bootstrap.servers", broker.bootstrapServers());
  }

  static Topic<String, byte[]> named() {
    return new Topic<>("heads-" + TOPICS.incrementAndGet(), Serdes.String(), Serdes.ByteArray());
  }

  Topic<String, byte[]> topic(Map<String, String> config) throws Exception {
    Topic<String, byte[]> topic = named();
    create(topic, config);
    return topic;
  }

  void create(Topic<String, byte[]> topic, Map<String, String> config) throws Exception {
    try (Admin admin = Admin.create(kafka())) {
      NewTopic heads = new NewTopic(topic.name(), 1, (short) 1).configs(config);
      admin.createTopics(List.of(heads)).all().get();
    }
  }

  void delete(Topic<String, byte[]> topic) throws Exception {
    try (Admin admin = Admin.create(kafka())) {
      admin.deleteTopics(List.of(topic.name())).all().get();
    }
  }

  HeadPublisher publisher(Topic<String, byte[]> topic, String id) {
    return publisher(topic, id, Signatures.NONE);
  }

  HeadPublisher publisher(Topic<String, byte[]> topic, String id, Signatures signatures) {
    return new HeadPublisher(kafka(), topic, id, new HeadSettings(10, 300, signatures));
  }

  /** Writes as anybody with a producer could. */
  void write(Topic<String, byte[]> topic, String key, byte[] value)
      throws ExecutionException, InterruptedException {
    write(new ProducerRecord<>(topic.name(), 0, key, value));
  }

  void write(ProducerRecord<String, byte[]> record)
      throws ExecutionException, InterruptedException {
    try (KafkaProducer<String, byte[]> producer =
        new KafkaProducer<>(kafka(), new StringSerializer(), new ByteArraySerializer())) {
      producer.send(record).get();
    }
  }

  void write(Topic<String, byte[]> topic, Map<String, byte[]> records) throws Exception {
    for (Map.Entry<String, byte[]> record : records.entrySet()) {
      write(topic, record.getKey(), record.getValue());
    }
  }

  /** Every committed record, in order. */
  List<ConsumerRecord<String, byte[]>> records(Topic<String, byte[]> topic) {
    TopicPartition partition = new TopicPartition(topic.name(), 0);
    Map<String, Object> config =
        Map.of("bootstrap.servers", broker.bootstrapServers(), "isolation.level", "read_committed");
    try (KafkaConsumer<String, byte[]> consumer =
        new KafkaConsumer<>(config, topic.key().deserializer(), topic.value().deserializer())) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      List<ConsumerRecord<String, byte[]>> records = new ArrayList<>();
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      while (consumer.position(partition) < end) {
        consumer.poll(java.time.Duration.ofMillis(100)).forEach(records::add);
      }
      return records;
    }
  }

  @Override
  public void close() {
    broker.close();
  }
}
