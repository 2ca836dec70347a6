package dev.headwater.bench;

import com.fasterxml.jackson.databind.JsonNode;
import dev.headwater.schema.Json;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.jspecify.annotations.Nullable;

/** What a run predicted, as a read_committed consumer sees it. */
final class Predictions {
  private static final Duration POLL = Duration.ofMillis(200);

  private Predictions() {}

  /**
   * Reads a topic to its end.
   *
   * @return the labels by index of the backlog's distinct records, the first time round
   * @throws IllegalStateException where a record was predicted twice or not at all
   */
  static List<String> read(Map<String, Object> kafka, String topic, Backlog backlog, int records)
      throws IOException {
    @Nullable String[] labels = new String[records];
    try (Consumer<byte[], byte[]> consumer = consumer(kafka, topic)) {
      Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
      while (ends.entrySet().stream()
          .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          count(Json.MAPPER.readTree(record.value()), backlog, labels);
        }
      }
    }
    int missing = (int) Arrays.stream(labels).filter(label -> label == null).count();
    if (missing > 0) {
      throw new IllegalStateException(
          "%,d of %,d records have no prediction on %s".formatted(missing, records, topic));
    }
    return List.of(Arrays.copyOf(labels, Math.min(records, backlog.distinct())));
  }

  private static void count(JsonNode prediction, Backlog backlog, @Nullable String[] labels) {
    JsonNode source = prediction.path("source");
    int index = backlog.index(source.path("partition").asInt(), source.path("offset").asLong());
    if (labels[index] != null) {
      throw new IllegalStateException("record " + source + " is predicted twice");
    }
    labels[index] = prediction.path("label").asText();
  }

  /** At the beginning of all partitions, read_committed. */
  static Consumer<byte[], byte[]> consumer(Map<String, Object> kafka, String topic) {
    Consumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Kafka.with(
                kafka,
                Map.of(
                    ConsumerConfig.ISOLATION_LEVEL_CONFIG,
                    "read_committed",
                    ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG,
                    false)),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer());
    List<TopicPartition> all =
        consumer.partitionsFor(topic).stream()
            .map(partition -> new TopicPartition(topic, partition.partition()))
            .toList();
    consumer.assign(all);
    consumer.seekToBeginning(all);
    return consumer;
  }
}
