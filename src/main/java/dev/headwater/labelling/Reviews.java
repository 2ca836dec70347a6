package dev.headwater.labelling;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.LabelReader;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Label;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Topics;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** What is on the review topic and has no label yet. */
public final class Reviews {
  private static final Duration POLL = Duration.ofMillis(200);

  private final Map<String, Object> kafka;
  private final Topics topics;

  /**
   * @param kafka client properties
   */
  public Reviews(Map<String, Object> kafka, Topics topics) {
    this.kafka = kafka;
    this.topics = topics;
  }

  /**
   * The items of one task in the order they were sent, the last of each record. Erased records are
   * left out, and those labelled already by what is on the labels topic now.
   */
  public List<ReviewItem> waiting(Task task) {
    Map<String, ReviewItem> items = new LinkedHashMap<>();
    read(
        topics.review().name(),
        record -> {
          ReviewItem item =
              topics.review().value().deserializer().deserialize(record.topic(), record.value());
          if (record.value() == null) {
            items.remove(topics.review().key().deserializer().deserialize("", record.key()));
          } else if (item.task().equals(task.name())) {
            items.remove(item.recordId());
            items.put(item.recordId(), item);
          }
        });
    items.keySet().removeAll(labelled(task));
    return List.copyOf(items.values());
  }

  private Set<String> labelled(Task task) {
    Set<String> labelled = new HashSet<>();
    read(
        topics.labels().name(),
        record -> {
          if (record.value() == null) {
            return;
          }
          try {
            Label label = LabelReader.read(topics.formats().labels(), record.value());
            if (task.name().equals(label.task())) {
              task.checkLabel(label.label(), "/label", label.recordId());
              labelled.add(label.recordId());
            }
          } catch (InvalidRecordException e) {
            return; // no label: it went to dead letters, so its record still waits
          }
        });
    return labelled;
  }

  /** Everything committed by now, partition after partition. */
  private void read(String topic, Consumer<ConsumerRecord<byte[], byte[]>> take) {
    Map<String, Object> config = new HashMap<>(kafka);
    config.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    config.put(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, false);
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(info -> new TopicPartition(topic, info.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
        consumer.poll(POLL).forEach(take);
      }
    }
  }
}
