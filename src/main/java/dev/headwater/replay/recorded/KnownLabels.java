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
 * The known labels of the records of a deployment: for each record and task the newest label that
 * its topics still hold, with its current name. Erased records and retired labels are left out.
 * Held in memory, like the memory of the trainer.
 */
public final class KnownLabels {
  private static final Logger log = LoggerFactory.getLogger(KnownLabels.class);

  private final Map<String, SortedMap<String, Known>> byRecord = new LinkedHashMap<>();
  private final Map<String, Long> erased = new HashMap<>();
  private final Map<String, LabelAliases> aliases = new HashMap<>();

  /**
   * A known label.
   *
   * @param reason why the sample was kept; null without a sample
   * @param weight 1 / inclusion probability
   * @param since write time of the first labelled sample of the record, in epoch milliseconds;
   *     heads created later may have been trained on it
   * @param at write time of this label, in epoch milliseconds
   */
  record Known(String label, @Nullable Reason reason, double weight, long since, long at) {
    private Known withLabel(String name) {
      return new Known(name, reason, weight, since, at);
    }
  }

  private KnownLabels() {}

  /**
   * Reads the labels of the samples topic: requested labels and inline labels.
   *
   * @param tasks tasks whose labels to read
   */
  public static KnownLabels ofSamples(Deployment of, List<Task> tasks) {
    KnownLabels known = new KnownLabels();
    known.read(of.kafka(), of.topics().samples(), record -> known.sample(of.topics(), record));
    known.rename(of.heads(), tasks);
    return known;
  }

  /**
   * Reads the labels of the samples topic and of the labels topic, including unrequested labels.
   */
  public static KnownLabels ofSamplesAndLabels(Deployment of, List<Task> tasks) {
    KnownLabels known = new KnownLabels();
    known.read(of.kafka(), of.topics().samples(), record -> known.sample(of.topics(), record));
    known.read(of.kafka(), of.topics().labels(), record -> known.label(of.topics(), tasks, record));
    known.rename(of.heads(), tasks);
    return known;
  }

  private interface RecordReader {
    void read(ConsumerRecord<byte[], byte[]> record) throws InvalidRecordException;
  }

  private void read(Map<String, Object> kafka, Topic<?, ?> topic, RecordReader reader) {
    try (TopicRange range = TopicRange.all(kafka, topic.name())) {
      while (range.left() > 0) {
        for (ConsumerRecord<byte[], byte[]> record : range.poll()) {
          if (isErasure(record)) {
            erase(new String(record.key(), UTF_8), record.timestamp());
          } else {
            readOrSkip(reader, record);
          }
        }
      }
    }
  }

  /** Erases a record. Partitions are read in any order, so older labels may follow. */
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

  private static void readOrSkip(RecordReader reader, ConsumerRecord<byte[], byte[]> record) {
    try {
      reader.read(record);
    } catch (InvalidRecordException | SerializationException e) {
      // already reported: as a dead letter, or by a warning of the trainer
      log.atDebug()
          .addKeyValue("topic", record.topic())
          .addKeyValue("partition", record.partition())
          .addKeyValue("offset", record.offset())
          .log("skipping undecodable record");
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

  /** Reads a label. One that is invalid for its task is a dead letter and is skipped. */
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

  private void put(String recordId, String task, Known added) {
    if (added.at <= erased.getOrDefault(recordId, Long.MIN_VALUE)) {
      return;
    }
    byRecord
        .computeIfAbsent(recordId, id -> new TreeMap<>())
        .merge(
            task,
            added,
            (one, other) -> {
              Known newest = other.at >= one.at ? other : one;
              Known kept = one.reason == null ? other : one; // a correction keeps reason and weight
              return new Known(
                  newest.label,
                  kept.reason,
                  kept.weight,
                  Math.min(one.since, other.since),
                  newest.at);
            });
  }

  /** Applies current label names, and drops labels of removed tasks. */
  private void rename(HeadLog heads, List<Task> tasks) {
    tasks.forEach(task -> aliases.put(task.name(), heads.aliases(task.name())));
    for (SortedMap<String, Known> labels : byRecord.values()) {
      SortedMap<String, Known> renamed = new TreeMap<>();
      for (Task task : tasks) {
        Known known = labels.get(task.name());
        if (known != null) {
          task.kind()
              .now(aliases(task.name()), known.label)
              .ifPresent(label -> renamed.put(task.name(), known.withLabel(label)));
        }
      }
      labels.clear();
      labels.putAll(renamed);
    }
    byRecord.values().removeIf(Map::isEmpty);
  }

  /** Returns the label aliases of a task. */
  LabelAliases aliases(String task) {
    return aliases.getOrDefault(task, LabelAliases.none(task));
  }

  /** Returns the ids of records with a label. */
  public Collection<String> records() {
    return Collections.unmodifiableSet(byRecord.keySet());
  }

  /** Returns the known labels of a record, by task. */
  Map<String, Known> of(String recordId) {
    return byRecord.getOrDefault(recordId, Collections.emptySortedMap());
  }

  /** Returns the label of a record for a task. */
  public Optional<String> label(String recordId, String task) {
    return Optional.ofNullable(of(recordId).get(task)).map(Known::label);
  }
}
