package dev.headwater.labelling;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Kind;
import dev.headwater.bundle.LabelReader;
import dev.headwater.bundle.Task;
import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.ReaderConfig;
import dev.headwater.schema.ReviewItem;
import dev.headwater.schema.Scored;
import dev.headwater.schema.Topics;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads the label requests on the review topic that have no label yet. */
public final class Reviews {
  private static final Logger log = LoggerFactory.getLogger(Reviews.class);
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration TIMEOUT = Duration.ofMinutes(1);

  private final Map<String, Object> kafka;
  private final Topics topics;
  private final long labelWait;

  /**
   * @param kafka client properties
   * @param labelWait how long a record can be joined with its label after the label request
   */
  public Reviews(Map<String, Object> kafka, Topics topics, Duration labelWait) {
    this.kafka = kafka;
    this.topics = topics;
    this.labelWait = labelWait.toMillis();
  }

  /**
   * The open label requests.
   *
   * @param late number of further requests that expired without a label
   */
  public record Waiting(List<ReviewItem> items, int late) {}

  /**
   * A label request on the topic.
   *
   * @param requestedAt record timestamp of the request, in epoch milliseconds
   * @param repeated whether there was an earlier request for the same record
   */
  private record LabelRequest(ReviewItem item, long requestedAt, boolean repeated) {}

  /**
   * Returns the open label requests of one task in the order of the topic, the latest per record.
   * Erased records and records with a label on the labels topic are left out.
   */
  public Waiting waiting(Task task, Instant now) {
    Map<String, LabelRequest> requests = requests(task);
    Map<String, Long> labelled = labelled(task);
    requests
        .entrySet()
        .removeIf(
            each -> joined(each.getValue(), labelled.getOrDefault(each.getKey(), Long.MIN_VALUE)));
    int all = requests.size();
    requests.values().removeIf(each -> each.requestedAt + labelWait < now.toEpochMilli());
    return new Waiting(
        requests.values().stream().map(LabelRequest::item).toList(), all - requests.size());
  }

  /**
   * Returns whether the stream joined a request with a label. A label from before the first request
   * is kept for it, but the join has used that label up before a repeated request.
   */
  private boolean joined(LabelRequest request, long labelledAt) {
    return labelledAt >= request.requestedAt
        || !request.repeated && labelledAt + labelWait >= request.requestedAt;
  }

  /** Reads the label requests by record id, in the order of the topic. */
  private Map<String, LabelRequest> requests(Task task) {
    Map<String, LabelRequest> requests = new LinkedHashMap<>();
    read(
        topics.review().name(),
        record -> {
          ReviewItem item =
              topics.review().value().deserializer().deserialize(record.topic(), record.value());
          if (record.value() == null) {
            requests.remove(topics.review().key().deserializer().deserialize("", record.key()));
          } else if (item != null && task.name().equals(item.task())) {
            boolean repeated = requests.remove(item.recordId()) != null;
            requests.put(item.recordId(), new LabelRequest(item, record.timestamp(), repeated));
          }
        });
    return requests;
  }

  /** Reads the timestamp of the newest label by record id, without records erased since. */
  private Map<String, Long> labelled(Task task) {
    Map<String, Long> labelled = new HashMap<>();
    Map<String, Long> erased = new HashMap<>();
    read(
        topics.labels().name(),
        record -> {
          if (record.value() == null && record.key() != null) {
            erased.merge(new String(record.key(), UTF_8), record.timestamp(), Math::max);
            return;
          }
          try {
            Label label = LabelReader.read(topics.formats().labels(), record.value());
            if (task.name().equals(label.task())) {
              task.checkLabel(label.label(), "/label", label.recordId());
              labelled.merge(label.recordId(), record.timestamp(), Math::max);
            }
          } catch (InvalidRecordException e) {
            return; // an invalid label is a dead letter, so its record still needs one
          }
        });
    // not while reading, because partitions are read in any order
    labelled
        .entrySet()
        .removeIf(each -> each.getValue() <= erased.getOrDefault(each.getKey(), Long.MIN_VALUE));
    return labelled;
  }

  /**
   * Returns the items with the predicted labels under their current names. A prediction that is not
   * one of the choices is removed, because annotation tools may reject it.
   *
   * @param labels the labels to choose from
   */
  public static List<ReviewItem> renamed(
      Task task, List<ReviewItem> items, LabelAliases aliases, List<String> labels) {
    return items.stream().map(item -> renamed(task.kind(), item, aliases, labels)).toList();
  }

  private static ReviewItem renamed(
      Kind kind, ReviewItem item, LabelAliases aliases, List<String> labels) {
    Scored scored = item.prediction();
    if (scored == null || kind instanceof Kind.Quantity) {
      return item;
    }
    Scored now =
        kind.now(aliases, scored.label())
            .filter(label -> labels.containsAll(kind.names(label)))
            .map(label -> new Scored(label, scored.confidence()))
            .orElse(null);
    return new ReviewItem(
        item.recordId(),
        item.task(),
        item.reason(),
        item.payload(),
        item.base64(),
        kind.problem(scored.label()) == null ? now : null,
        item.source(),
        item.mask());
  }

  /** Reads all committed records up to the current end offsets; skips undecodable ones. */
  private void read(String topic, Consumer<ConsumerRecord<byte[], byte[]>> take) {
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            ReaderConfig.of(kafka), new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(info -> new TopicPartition(topic, info.partition()))
              .toList();
      if (partitions.isEmpty()) {
        throw new KafkaException(
            "topic " + topic + " does not exist: create it with `topics create`");
      }
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      long remaining = remaining(consumer, ends);
      long lastProgress = System.nanoTime();
      while (remaining > 0) {
        consumer.poll(POLL).forEach(record -> take(take, record));
        long now = remaining(consumer, ends);
        if (now < remaining) {
          lastProgress = System.nanoTime();
        } else if (System.nanoTime() - lastProgress > TIMEOUT.toNanos()) {
          throw new KafkaException(
              "timed out reading topic %s: no progress for 1 minute, %d offsets remaining"
                  .formatted(topic, now));
        }
        remaining = now;
      }
    }
  }

  private static void take(
      Consumer<ConsumerRecord<byte[], byte[]>> take, ConsumerRecord<byte[], byte[]> record) {
    try {
      take.accept(record);
    } catch (SerializationException e) {
      log.atWarn()
          .addKeyValue("topic", record.topic())
          .addKeyValue("partition", record.partition())
          .addKeyValue("offset", record.offset())
          .log("skipping undecodable record");
    }
  }

  private static long remaining(KafkaConsumer<?, ?> consumer, Map<TopicPartition, Long> ends) {
    return ends.entrySet().stream()
        .mapToLong(end -> Math.max(0, end.getValue() - consumer.position(end.getKey())))
        .sum();
  }
}
