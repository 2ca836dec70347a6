package dev.headwater.deploy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.headwater.schema.Json;
import dev.headwater.schema.JsonSerde;
import dev.headwater.schema.Prediction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A labelled stream on its way through a deployment, and what is predicted of it. */
final class Traffic implements AutoCloseable {
  private final String name;
  private final Iterator<String> lines;
  private final Producer<String, String> producer;
  private final Consumer<byte[], Prediction> consumer;
  private final Set<String> seen = new HashSet<>();
  private int sent;
  private int predictions;
  private long newest;

  /**
   * @param name of the deployment, whose topics exist
   * @param stream as {@link dev.headwater.replay.DriftingStream} writes it
   */
  Traffic(String bootstrapServers, String name, Path stream) throws IOException {
    this.name = name;
    this.lines = Files.readAllLines(stream).iterator();
    Map<String, Object> kafka =
        Map.of("bootstrap.servers", bootstrapServers, "isolation.level", "read_committed");
    producer = new KafkaProducer<>(kafka, new StringSerializer(), new StringSerializer());
    consumer =
        new KafkaConsumer<>(
            kafka, new ByteArrayDeserializer(), new JsonSerde<>(Prediction.class).deserializer());
    consumer.assign(
        consumer.partitionsFor(name + "-predictions").stream()
            .map(p -> new TopicPartition(p.topic(), p.partition()))
            .toList());
    consumer.seekToBeginning(consumer.assignment());
  }

  /** Sends the stream's next records, and their labels on the topic of labels if wanted. */
  void send(int records, boolean labelled) throws IOException {
    for (int i = 0; i < records; i++) {
      ObjectNode record = Json.MAPPER.readValue(lines.next(), ObjectNode.class);
      String label = record.remove("label").asText();
      String id = record.get("id").asText();
      producer.send(new ProducerRecord<>(name + "-records", id, record.toString()));
      if (labelled) {
        producer.send(
            new ProducerRecord<>(
                name + "-labels",
                "{\"recordId\":\"%s\",\"task\":\"cluster\",\"label\":\"%s\"}"
                    .formatted(id, label)));
      }
    }
    producer.flush();
    sent += records;
  }

  int sent() {
    return sent;
  }

  /** How many predictions there are by now. */
  int predictions() {
    consumer.poll(Duration.ofMillis(200)).forEach(record -> count(record.value()));
    return predictions;
  }

  private void count(Prediction prediction) {
    predictions++;
    seen.add(prediction.recordId());
    newest = Math.max(newest, prediction.leading().headVersion());
  }

  /** Different records among those predicted. */
  int ids() {
    return seen.size();
  }

  /** The highest head version that has predicted. */
  long newest() {
    return newest;
  }

  @Override
  public void close() {
    producer.close();
    consumer.close();
  }
}
