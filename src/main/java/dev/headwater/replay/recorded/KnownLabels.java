package dev.headwater.replay.recorded;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.LabelReader;
import dev.headwater.bundle.Task;
import dev.headwater.heads.HeadLog;
import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import dev.headwater.schema.Reason;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Topic;
import dev.headwater.schema.Topics;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a deployment knows to be true of its records: of each record and task the newest label that
 * its topics still hold, under the name it has now. Records that were erased, and labels that were
 * retired, are not known. In memory, as the trainer's own.
 */
public final class KnownLabels {
  private static final Logger log = LoggerFactory.getLogger(KnownLabels.class);

  private final Map<String, SortedMap<String, Known>> byRecord = new LinkedHashMap<>();
  private final Map<String, Long> erased = new HashMap<>();
  private final Map<String, LabelAliases> aliases = new HashMap<>();

  /**
   * A label.
   *
   * @param reason why the record was kept; null where only its label is known
   * @param weight 1 / inclusion probability
   * @param since when the first sample with a label of the record was written, epoch milliseconds:
   *     a head made later may have learnt from it
   * @param at when this label came
   */
  record Known(String label, @Nullable Reason reason, double weight, long since, long at) {
    private Known labelled(String name) {
      return new Known(name, reason, weight, since, at);
    }
  }

  private KnownLabels() {}

  /**
   * Of the samples: what was asked for and answered, and what came inline.
   *
   * @param tasks whose labels are wanted
   */
  public static KnownLabels ofSamples(Deployment of, List<Task> tasks) {
    KnownLabels known = new KnownLabels();
    known.read(of.kafka(), of.topics().samples(), record -> known.sample(of.topics(), record));
    known.rename(of.heads(), tasks);
    return known;
  }

  /** Likewise, and of the labels that nobody had asked for. */
  public static KnownLabels ofSamplesAndLabels(Deployment of, List<Task> tasks) {
    KnownLabels known = new KnownLabels();
    known.read(of.kafka(), of.topics().samples(), record -> known.sample(of.topics(), record));
    known.read(of.kafka(), of.topics().labels(), record -> known.label(of.topics(), tasks, record));
    known.rename(of.heads(), tasks);
    return known;
  }

  private interface Taking {
    void take(ConsumerRecord<byte[], byte[]> record) throws InvalidRecordException;
  }

  private void read(Map<String, Object> kafka, Topic<?, ?> topic, Taking taking) {
    try (TopicRange range = TopicRange.all(kafka, topic.name())) {
      while (range.left() > 0) {
        for (ConsumerRecord<byte[], byte[]> record : range.poll()) {
          if (isErasure(record)) {
            erase(new String(record.key(), UTF_8), record.timestamp());
          } else {
            take(taking, record);
          }
        }
      }
    }
  }

  /** Partitions come in any order: what is older than this may be read after it. */
  private void erase(String recordId, long at) {
    erased.merge(recordId, at, Math::max);
    SortedMap<String, Known> labels = byRecord.get(recordId);
    if (labels != null) {
      labels.values().removeIf(known -> known.at <= at);
      if (labels.isEmpty()) {
        byRecord.remove(recordId);
      }
    }
  }

  private static void take(Taking taking, ConsumerRecord<byte[], byte[]> record) {
    try {
      taking.take(record);
    } catch (InvalidRecordException | SerializationException e) {
      // whoever is to learn of it has: it is a dead letter, or the trainer has warned of it
      log.atDebug()
          .addKeyValue("topic", record.topic())
          .addKeyValue("partition", record.partition())
          .addKeyValue("offset", record.offset())
          .log("skipped what cannot be read");
    }
  }

  @SuppressWarnings("ConstantValue") // Kafka's keys and values may be null
  private static boolean isErasure(ConsumerRecord<byte[], byte[]> record) {
    return record.value() == null && record.key() != null;
  }

  private void sample(Topics topics, ConsumerRecord<byte[], byte[]> record) {
    Sample sample =
        topics.samples().value().deserializer().deserialize(record.topic(), record.value());
    if (sample != null && sample.getLabel() != null) {
      put(
          sample.getRecordId(),
          sample.getTask(),
          new Known(
              sample.getLabel(),
              sample.getReason(),
              sample.getWeight(),
              record.timestamp(),
              record.timestamp()));
    }
  }

  /** What the task refuses is a dead letter: it is no truth. */
  private void label(Topics topics, List<Task> tasks, ConsumerRecord<byte[], byte[]> record)
      throws InvalidRecordException {
    Label label = LabelReader.read(topics.formats().labels(), record.value());
    for (Task task : tasks) {
      if (task.name().equals(label.task())) {
        task.checkLabel(label.label(), "/label", label.recordId());
        put(
            label.recordId(),
            label.task(),
            new Known(label.label(), null, 1, Long.MAX_VALUE, record.timestamp()));
      }
    }
  }

  private void put(String recordId, String task, Known now) {
    if (now.at <= erased.getOrDefault(recordId, Long.MIN_VALUE)) {
      return;
    }
    byRecord
        .computeIfAbsent(recordId, id -> new TreeMap<>())
        .merge(
            task,
            now,
            (one, other) -> {
              Known newest = other.at >= one.at ? other : one;
              Known kept = one.reason == null ? other : one; // a correction is kept for the same
              return new Known(
                  newest.label,
                  kept.reason,
                  kept.weight,
                  Math.min(one.since, other.since),
                  newest.at);
            });
  }

  /** As the labels are called now; of tasks that are no more, nothing is known. */
  private void rename(HeadLog heads, List<Task> tasks) {
    tasks.forEach(task -> aliases.put(task.name(), heads.aliases(task.name())));
    for (SortedMap<String, Known> labels : byRecord.values()) {
      SortedMap<String, Known> now = new TreeMap<>();
      for (Task task : tasks) {
        Known known = labels.get(task.name());
        if (known != null) {
          task.kind()
              .now(aliases(task.name()), known.label)
              .ifPresent(label -> now.put(task.name(), known.labelled(label)));
        }
      }
      labels.clear();
      labels.putAll(now);
    }
    byRecord.values().removeIf(Map::isEmpty);
  }

  /** By what names the labels of a task go now. */
  LabelAliases aliases(String task) {
    return aliases.getOrDefault(task, LabelAliases.none(task));
  }

  /** Records with a label. */
  public Collection<String> records() {
    return Collections.unmodifiableSet(byRecord.keySet());
  }

  /** What is known of a record, by task. */
  Map<String, Known> of(String recordId) {
    return byRecord.getOrDefault(recordId, Collections.emptySortedMap());
  }

  /** The label of a record for a task. */
  public Optional<String> label(String recordId, String task) {
    return Optional.ofNullable(of(recordId).get(task)).map(Known::label);
  }
}
