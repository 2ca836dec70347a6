package dev.headwater.adapt;

import dev.headwater.schema.Sample;
import dev.headwater.schema.Topic;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * The samples topic from its beginning: first all that was on it, in order of time, then the rest.
 */
final class SampleFeed implements AutoCloseable {
  private static final Duration POLL = Duration.ofMillis(100);

  /**
   * A sample and where it was read.
   *
   * @param at when it was appended, epoch milliseconds
   */
  record Arrival(Sample sample, int partition, long offset, long at) {}

  private final KafkaConsumer<String, Sample> consumer;
  private final Topic<String, Sample> topic;

  SampleFeed(Map<String, Object> kafka, Topic<String, Sample> topic) {
    this.topic = topic;
    Map<String, Object> config = new HashMap<>(kafka);
    config.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    config.remove(ConsumerConfig.GROUP_ID_CONFIG);
    consumer = new KafkaConsumer<>(config, new StringDeserializer(), topic.value().deserializer());
  }

  /** Everything on the topic now, oldest first. */
  List<Arrival> history() {
    List<TopicPartition> partitions =
        consumer.partitionsFor(topic.name()).stream()
            .map(info -> new TopicPartition(info.topic(), info.partition()))
            .toList();
    if (partitions.isEmpty()) {
      throw new KafkaException(
          "topic %s is missing: make it with 'topics create'".formatted(topic.name()));
    }
    consumer.assign(partitions);
    consumer.seekToBeginning(partitions);
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
    List<Arrival> history = new ArrayList<>();
    while (ends.entrySet().stream()
        .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
      history.addAll(poll());
    }
    history.sort(Comparator.comparingLong(Arrival::at));
    return history;
  }

  /** What has come since the last call; waits a moment for it. */
  List<Arrival> poll() {
    ConsumerRecords<String, Sample> records = consumer.poll(POLL);
    List<Arrival> arrivals = new ArrayList<>(records.count());
    for (ConsumerRecord<String, Sample> record : records) {
      if (record.value() != null) {
        arrivals.add(
            new Arrival(record.value(), record.partition(), record.offset(), record.timestamp()));
      }
    }
    return arrivals;
  }

  @Override
  public void close() {
    consumer.close();
  }
}
