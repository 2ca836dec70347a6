package dev.headwater.cli;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Task;
import dev.headwater.config.Settings;
import dev.headwater.schema.JsonSerde;
import dev.headwater.schema.Label;
import dev.headwater.stream.guard.Limits;
import dev.headwater.stream.guard.TopicLimits;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serializer;

/** A producer of labels to the labels topic, in its configured format. */
final class LabelSender {
  private static final int MAX_PROBLEMS_SHOWN = 10;

  /** Kafka's default {@code max.request.size}, in bytes. */
  private static final int MAX_REQUEST_SIZE = 1 << 20;

  private final Settings settings;

  LabelSender(Settings settings) {
    this.settings = settings;
  }

  /**
   * Checks that the labels are valid for the task.
   *
   * @throws UsageException listing the invalid labels
   */
  static void check(Task task, List<Label> labels) throws UsageException {
    List<String> problems = new ArrayList<>();
    for (Label label : labels) {
      try {
        if (label.recordId().isBlank()) {
          problems.add("label without a record id: " + label.label());
        }
        task.checkLabel(label.label(), "the label of " + label.recordId(), label.recordId());
      } catch (InvalidRecordException e) {
        problems.add(e.getMessage());
      }
    }
    if (!problems.isEmpty()) {
      String more =
          problems.size() > MAX_PROBLEMS_SHOWN
              ? "\n... and %d more".formatted(problems.size() - MAX_PROBLEMS_SHOWN)
              : "";
      throw new UsageException(
          "invalid labels; nothing was sent:\n"
              + String.join(
                  "\n", problems.subList(0, Math.min(MAX_PROBLEMS_SHOWN, problems.size())))
              + more);
    }
  }

  /**
   * Sends the labels and waits for every acknowledgement. Stops at the first failure.
   *
   * @throws UsageException if a label exceeds a size limit; nothing is sent then
   * @throws KafkaException if not every label was sent
   */
  void send(List<Label> labels) throws InterruptedException, UsageException {
    Map<String, Object> kafka = new HashMap<>(settings.kafka());
    kafka.put(ProducerConfig.ACKS_CONFIG, "all");
    String topic = settings.topicNames().labels();
    Serializer<Label> values =
        settings.formats().labels(Label.class, new JsonSerde<>(Label.class)).serializer();
    Limits limits = TopicLimits.of(kafka, topic, Limits.maxRequestSize(kafka, MAX_REQUEST_SIZE));
    List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
    for (Label label : labels) {
      byte[] key = label.recordId().getBytes(UTF_8);
      byte[] value = values.serialize(topic, label);
      try {
        limits.check(topic, key, value, new RecordHeaders());
      } catch (InvalidRecordException e) {
        throw new UsageException(
            "cannot send the label of %s; nothing was sent: %s"
                .formatted(label.recordId(), e.getMessage()));
      }
      records.add(new ProducerRecord<>(topic, key, value));
    }
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(kafka, new ByteArraySerializer(), new ByteArraySerializer())) {
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (ProducerRecord<byte[], byte[]> record : records) {
        Future<RecordMetadata> each = producer.send(record);
        if (each.isDone()) {
          each.get(); // fail early: a missing topic costs a minute per record
        }
        sent.add(each);
      }
      producer.flush();
      for (Future<RecordMetadata> each : sent) {
        each.get();
      }
    } catch (ExecutionException e) {
      throw new KafkaException(
          "some labels were not sent; repeat the command to send them all again", e.getCause());
    }
  }
}
