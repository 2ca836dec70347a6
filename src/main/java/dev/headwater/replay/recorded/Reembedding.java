package dev.headwater.replay.recorded;

import dev.headwater.bundle.Bundle;
import dev.headwater.bundle.InvalidRecordException;
import dev.headwater.bundle.Task;
import dev.headwater.schema.RecordId;
import dev.headwater.schema.Sample;
import dev.headwater.schema.Source;
import dev.headwater.schema.Topic;
import dev.headwater.schema.Topics;
import dev.headwater.scoring.Inference;
import dev.headwater.scoring.Measure;
import dev.headwater.scoring.Outcome;
import dev.headwater.scoring.Scoring;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.jspecify.annotations.Nullable;

/**
 * Gives a deployment with a new backbone the memory of an old one: the labels of its samples, with
 * the features that the new backbone makes of their records, as far as the records topics still
 * hold these.
 *
 * <p>Failure contract: samples are committed poll by poll; a run that ended early is repeated from
 * the start, for a second sample of a record says nothing new to a trainer. What cannot be embedded
 * is told and counted, and nothing else stands back for it.
 */
public final class Reembedding {
  private final String name;
  private final Bundle bundle;
  private final Scoring scoring;
  private final Topics topics;
  private final Map<String, Object> kafka;
  private final Consumer<String> progress;

  /**
   * @param name of the new deployment
   * @param scoring of its bundle, with the heads that are live in it
   * @param topics of it; its records topics are read
   * @param progress told a line a poll, and one for each record that cannot be embedded
   */
  public Reembedding(
      String name,
      Bundle bundle,
      Scoring scoring,
      Topics topics,
      Map<String, Object> kafka,
      Consumer<String> progress) {
    this.name = name;
    this.bundle = bundle;
    this.scoring = scoring;
    this.topics = topics;
    this.kafka = kafka;
    this.progress = progress;
  }

  /**
   * What became of the labelled records.
   *
   * @param embedded those with a new sample
   * @param gone those the records topics do not hold, expired or never on them, as history is
   * @param refused those the new bundle cannot read, or whose labels are none of its own
   * @param left offsets that were not read, because it was cancelled; {@code gone} may be there
   */
  public record Summary(int embedded, int gone, int refused, long left) {}

  /**
   * @param old what the old deployment knows, of the tasks of the new one
   * @param until exclusive
   * @param cancelled counted down by another thread to end it after the poll in hand
   * @throws KafkaException where the broker fails it; nothing of the poll in hand was written
   */
  public Summary run(KnownLabels old, Bound from, Bound until, CountDownLatch cancelled) {
    List<String> records = topics.records().stream().map(Topic::name).toList();
    String run = name + "-reembed";
    Set<String> embedded = new HashSet<>();
    Set<String> refused = new HashSet<>();
    try (Relay relay = new Relay(kafka, run);
        TopicRange range = TopicRange.open(kafka, records, from, until, Optional.of(run))) {
      relay.begin();
      while (range.left() > 0 && cancelled.getCount() > 0) {
        List<ProducerRecord<byte[], byte[]>> samples = new ArrayList<>();
        embed(labelled(range.poll(), old), old, samples, embedded, refused);
        if (!samples.isEmpty()) {
          relay.write(samples, range, "");
          progress.accept(
              "%,d of %,d records embedded, %,d offsets to go"
                  .formatted(embedded.size(), old.records().size(), range.left()));
        }
      }
      refused.removeAll(embedded);
      int gone = old.records().size() - embedded.size() - refused.size();
      return new Summary(embedded.size(), gone, refused.size(), range.left());
    }
  }

  private Map<ConsumerRecord<byte[], byte[]>, String> labelled(
      List<ConsumerRecord<byte[], byte[]>> poll, KnownLabels old) {
    Map<ConsumerRecord<byte[], byte[]>, String> labelled = new LinkedHashMap<>();
    for (ConsumerRecord<byte[], byte[]> record : poll) {
      String id = id(record);
      if (old.records().contains(id)) {
        labelled.put(record, id);
      }
    }
    return labelled;
  }

  private String id(ConsumerRecord<byte[], byte[]> record) {
    Source source = new Source(record.topic(), record.partition(), record.offset());
    if (RecordId.header(record.headers()) != null) {
      return RecordId.of(record.headers(), null, source); // spares the decoding
    }
    try {
      return RecordId.of(record.headers(), scoring.recordId(record.value()), source);
    } catch (InvalidRecordException e) {
      return RecordId.of(record.headers(), e.recordId(), source);
    }
  }

  private void embed(
      Map<ConsumerRecord<byte[], byte[]>, String> records,
      KnownLabels old,
      List<ProducerRecord<byte[], byte[]>> samples,
      Set<String> embedded,
      Set<String> refused) {
    List<CompletableFuture<Inference>> begun =
        scoring.submit(records.keySet().stream().map(ConsumerRecord::value).toList());
    int i = 0;
    for (Map.Entry<ConsumerRecord<byte[], byte[]>, String> entry : records.entrySet()) {
      ConsumerRecord<byte[], byte[]> record = entry.getKey();
      String id = entry.getValue();
      try {
        Inference inference = scoring.await(begun.get(i++), record.value());
        samples.addAll(samples(record, id, inference, old));
        embedded.add(id);
      } catch (InvalidRecordException | ArithmeticException e) {
        progress.accept("%s cannot be embedded: %s".formatted(id, e.getMessage()));
        refused.add(id);
      }
    }
  }

  /**
   * @throws InvalidRecordException where no task could take the label that it has
   */
  private List<ProducerRecord<byte[], byte[]>> samples(
      ConsumerRecord<byte[], byte[]> record, String id, Inference inference, KnownLabels old)
      throws InvalidRecordException {
    List<ProducerRecord<byte[], byte[]>> samples = new ArrayList<>();
    InvalidRecordException refused = null;
    for (int i = 0; i < bundle.tasks().size(); i++) {
      Task task = bundle.tasks().get(i);
      KnownLabels.@Nullable Known known = old.of(id).get(task.name());
      if (known != null && known.reason() != null) {
        try {
          task.checkLabel(known.label(), "label", id);
        } catch (InvalidRecordException e) {
          refused = e; // nothing else stands back for it
          continue;
        }
        Sample sample =
            Outcome.of(inference, i, scoring.score(inference, i), Measure.MAX_PROBABILITY, 1)
                .sample(id, task.name(), task.fingerprint(), task.tiling().orElse(null))
                .setReason(known.reason())
                .setWeight(known.weight())
                .setRecordTime(Instant.ofEpochMilli(Math.max(0, record.timestamp())))
                .setLabel(known.label())
                .setLabelTime(Instant.ofEpochMilli(known.at()))
                .build();
        String topic = topics.samples().name();
        samples.add(
            new ProducerRecord<>(
                topic,
                topics.samples().key().serializer().serialize(topic, id),
                topics.samples().value().serializer().serialize(topic, sample)));
      }
    }
    if (refused != null && samples.isEmpty()) {
      throw refused;
    }
    if (refused != null) {
      progress.accept("%s is embedded without a label: %s".formatted(id, refused.getMessage()));
    }
    return samples;
  }
}
