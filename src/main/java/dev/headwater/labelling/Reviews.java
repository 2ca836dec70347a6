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

/** What is on the review topic and has no label yet. */
public final class Reviews {
  private static final Logger log = LoggerFactory.getLogger(Reviews.class);
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private final Map<String, Object> kafka;
  private final Topics topics;
  private final long labelWait;

  /**
   * @param kafka client properties
   * @param labelWait for how long a record that was asked about can be joined with its label
   */
  public Reviews(Map<String, Object> kafka, Topics topics, Duration labelWait) {
    this.kafka = kafka;
    this.topics = topics;
    this.labelWait = labelWait.toMillis();
  }

  /**
   * What an annotator can be asked.
   *
   * @param late how many more there are that nobody can answer in time any more
   */
  public record Waiting(List<ReviewItem> items, int late) {}

  /**
   * When a record was asked about, as the topic has it.
   *
   * @param again whether it had been asked about before
   */
  private record Asked(ReviewItem item, long at, boolean again) {}

  /**
   * The items of one task in the order they were sent, the last of each record. Erased records are
   * left out, and those labelled already by what is on the labels topic now.
   */
  public Waiting waiting(Task task, Instant now) {
    Map<String, Asked> asked = asked(task);
    Map<String, Long> labelled = labelled(task);
    asked
        .entrySet()
        .removeIf(
            each -> joined(each.getValue(), labelled.getOrDefault(each.getKey(), Long.MIN_VALUE)));
    int all = asked.size();
    asked.values().removeIf(each -> each.at + labelWait < now.toEpochMilli());
    return new Waiting(asked.values().stream().map(Asked::item).toList(), all - asked.size());
  }

  /**
   * A label from before the record was asked about waited for it; but of a record asked about again
   * the join has given it away by then.
   */
  private boolean joined(Asked asked, long labelled) {
    return labelled >= asked.at || !asked.again && labelled + labelWait >= asked.at;
  }

  /** By record, in order. */
  private Map<String, Asked> asked(Task task) {
    Map<String, Asked> asked = new LinkedHashMap<>();
    read(
        topics.review().name(),
        record -> {
          ReviewItem item =
              topics.review().value().deserializer().deserialize(record.topic(), record.value());
          if (record.value() == null) {
            asked.remove(topics.review().key().deserializer().deserialize("", record.key()));
          } else if (item != null && task.name().equals(item.task())) {
            boolean again = asked.remove(item.recordId()) != null;
            asked.put(item.recordId(), new Asked(item, record.timestamp(), again));
          }
        });
    return asked;
  }

  /** When the newest label of each record came that was not erased since. */
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
            return; // no label: it went to dead letters, so its record still waits
          }
        });
    // partitions come in any order
    labelled
        .entrySet()
        .removeIf(each -> each.getValue() <= erased.getOrDefault(each.getKey(), Long.MIN_VALUE));
    return labelled;
  }

  /**
   * The same items, in what the head said the labels by their names of now; without a hint where
   * that is none of these, for an annotator's tool may refuse what it has no choice for.
   *
   * @param labels that may be chosen
   */
  public static List<ReviewItem> renamed(
      Task task, List<ReviewItem> items, LabelAliases aliases, List<String> labels) {
    return items.stream().map(item -> renamed(task.kind(), item, aliases, labels)).toList();
  }

  private static ReviewItem renamed(
      Kind kind, ReviewItem item, LabelAliases aliases, List<String> labels) {
    Scored said = item.prediction();
    if (said == null || kind instanceof Kind.Quantity) {
      return item;
    }
    Scored now =
        kind.now(aliases, said.label())
            .filter(label -> labels.containsAll(kind.names(label)))
            .map(label -> new Scored(label, said.confidence()))
            .orElse(null);
    return new ReviewItem(
        item.recordId(),
        item.task(),
        item.reason(),
        item.payload(),
        item.base64(),
        kind.problem(said.label()) == null ? now : null,
        item.source(),
        item.mask());
  }

  /** Everything committed by now, partition after partition; what cannot be read is passed over. */
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
      long left = left(consumer, ends);
      long moved = System.nanoTime();
      while (left > 0) {
        consumer.poll(POLL).forEach(record -> take(take, record));
        long now = left(consumer, ends);
        if (now < left) {
          moved = System.nanoTime();
        } else if (System.nanoTime() - moved > PATIENCE.toNanos()) {
          throw new KafkaException(
              "nothing came of topic %s for a minute, with %d offsets to go".formatted(topic, now));
        }
        left = now;
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
          .log("skipped what cannot be read");
    }
  }

  private static long left(KafkaConsumer<?, ?> consumer, Map<TopicPartition, Long> ends) {
    return ends.entrySet().stream()
        .mapToLong(end -> Math.max(0, end.getValue() - consumer.position(end.getKey())))
        .sum();
  }
}
