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

/** Reads the predictions of a run as a read_committed consumer. */
final class Predictions {
  private static final Duration POLL = Duration.ofMillis(200);

  private Predictions() {}

  /**
   * Reads a topic to its end.
   *
   * @return labels of the first task, by index of the backlog's distinct records
   * @throws IllegalStateException if a record does not have exactly one prediction
   */
  static List<String> read(Map<String, Object> kafka, String topic, Backlog backlog, int records)
      throws IOException {
    @Nullable String[] labels = new String[records];
    int[] counts = new int[records];
    try (Consumer<byte[], byte[]> consumer = consumer(kafka, topic)) {
      Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
      while (ends.entrySet().stream()
          .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          JsonNode prediction = Json.MAPPER.readTree(record.value());
          JsonNode source = prediction.path("source");
          int index =
              backlog.index(source.path("partition").asInt(), source.path("offset").asLong());
          labels[index] = prediction.path("label").asText();
          counts[index]++;
        }
      }
    }
    for (int i = 0; i < records; i++) {
      if (counts[i] != 1) {
        throw new IllegalStateException(
            "record %,d of %,d has %d predictions on %s, expected 1"
                .formatted(i, records, counts[i], topic));
      }
    }
    return List.of(Arrays.copyOf(labels, Math.min(records, backlog.distinct())));
  }

  /** Returns a read_committed consumer at the beginning of all partitions. */
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
